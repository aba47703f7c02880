/** What a cloud without devices says: how the first reading gets here. */
import { Fragment, type JSX } from "preact";

export function FirstSteps(): JSX.Element {
  const cloud = location.origin;
  return (
    <section class="first" aria-labelledby="first-title">
      <h2 id="first-title">No reading has arrived yet</h2>
      <p>This cloud is ready. Readings come from meters, through a gateway near them, to here. Three steps:</p>
      <ol>
        <li>
          <h3>Start a gateway</h3>
          <p>On the machine that the meters can reach:</p>
          <Command parts={["fieldpost gateway", "--data gateway-data", "--listen udp://0.0.0.0", `--cloud ${cloud}`, `--time-zone ${zone()}`, "--allow-insecure"]} />
          <p>If this cloud has accounts, make a token with the scope “ingest” under Settings, and give it to the gateway in the environment variable FIELDPOST_TOKEN.</p>
        </li>
        <li>
          <h3>Let a meter report</h3>
          <p>On the meter, or to try it on any machine with a file of readings:</p>
          <Command parts={["fieldpost device", "--id 192.168.1.2", "--gateway udp://GATEWAY", "--survey Surveys1.txt", "--once"]} />
        </li>
        <li>
          <h3>Watch it arrive</h3>
          <p>The meter appears here by itself. To see real soil without any meter, stop this cloud and run:</p>
          <Command parts={["fieldpost demo"]} />
        </li>
      </ol>
    </section>
  );
}

/** A line to type, broken only between its options where the screen is narrow; copied it is one line. */
function Command({ parts }: { parts: readonly string[] }): JSX.Element {
  return (
    <pre class="command" tabIndex={0}>
      {parts.map((part, index) => (
        <Fragment key={part}>
          {index > 0 ? " " : ""}
          <span>{part}</span>
        </Fragment>
      ))}
    </pre>
  );
}

const zone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || "Europe/Rome";
