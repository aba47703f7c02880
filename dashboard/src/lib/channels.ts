/** What each kind of channel must be told. The one place to extend when the cloud learns another. */

export type ChannelKind = "webhook" | "email" | "mqtt";

export const CHANNEL_KINDS: readonly (readonly [ChannelKind, string])[] = [
  ["webhook", "Webhook: JSON, signed"],
  ["email", "Email"],
  ["mqtt", "MQTT"],
];

export interface ChannelField {
  key: string;
  label: string;
  hint: string;
  required: boolean;
  /** Written, never read. */
  secret: boolean;
}

const plain = (key: string, label: string, hint: string, required = true): ChannelField => ({ key, label, hint, required, secret: false });
const secret = (key: string, label: string, hint: string, required = false): ChannelField => ({ key, label, hint, required, secret: true });

export const CHANNEL_FIELDS: Record<ChannelKind, readonly ChannelField[]> = {
  webhook: [plain("url", "Address", "https://…"), secret("secret", "Secret", "Signs every message (HMAC-SHA256), so that the receiver knows whose it is")],
  email: [
    plain("to", "To", "An address"),
    plain("from", "From", "An address"),
    plain("server", "Mail server", "smtps://host:465, or smtp+starttls://host:587"),
    plain("username", "User", "Empty: without signing in", false),
    secret("password", "Password", ""),
  ],
  mqtt: [
    plain("broker", "Broker", "mqtt://host:1883, or mqtts://host:8883"),
    plain("topic", "Topic", "Such as fieldpost/alerts"),
    plain("username", "User", "Empty: without signing in", false),
    secret("password", "Password", ""),
  ],
};

/** What is sent to make or change a channel: an empty field is left out, so that a kept secret stays. */
export function channelBody(kind: ChannelKind, name: string, values: Record<string, string>): Record<string, string> {
  const filled = CHANNEL_FIELDS[kind].map(({ key }) => [key, values[key]?.trim() ?? ""] as const).filter(([, value]) => value !== "");
  return { kind, name: name.trim(), ...Object.fromEntries(filled) };
}
