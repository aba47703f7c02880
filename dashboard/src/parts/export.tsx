/** Taking the data away, in the form that the field uses. */
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { address } from "../api/client";
import { dayAfter, dayStart, instant } from "../lib/format";
import { Dialog } from "./dialog";
import { Form, Select, TextInput } from "./form";
import { Icon } from "./icon";

const FORMATS = [
  ["csv", "CSV: one line a reading"],
  ["parquet", "Parquet: for pandas, R, DuckDB"],
  ["ismn", "ISMN: station files in a ZIP"],
  ["senml", "SenML: JSON as sent by meters (RFC 8428)"],
] as const;

type Format = (typeof FORMATS)[number][0];

/** `devices`: those meant, or all. */
export function ExportButton({ devices }: { devices?: string[] }): JSX.Element {
  const [open, set] = useState(false);
  return (
    <>
      <button type="button" class="button" onClick={() => set(true)}>
        <Icon name="download" />
        Export
      </button>
      {open ? <ExportDialog devices={devices ?? null} close={() => set(false)} /> : null}
    </>
  );
}

function ExportDialog({ devices, close }: { devices: string[] | null; close: () => void }): JSX.Element {
  const [format, setFormat] = useState<Format>("csv");
  const [some, setSome] = useState(devices?.join(", ") ?? "");
  const [from, setFrom] = useState("");
  const [to, setTo] = useState("");
  const send = (): void => {
    const link = document.createElement("a");
    link.href = address("export", {
      format,
      devices: some.split(/[\s,]+/).filter((id) => id !== "").join(","),
      from: from === "" ? null : instant(dayStart(from)),
      to: to === "" ? null : instant(dayStart(dayAfter(to, 1))),
    });
    link.download = "";
    document.body.append(link);
    link.click();
    link.remove();
    close();
  };
  return (
    <Dialog title="Export readings" close={close}>
      <Form send={send}>
        <Select label="Format" value={format} set={setFormat} options={FORMATS} />
        <TextInput label="Devices" value={some} set={setSome} most={8_000} hint="Ids with commas between them; empty: all" />
        <div class="pair">
          <TextInput label="First day" type="date" value={from} set={setFrom} hint="UTC; empty: from the beginning" />
          <TextInput label="Last day" type="date" value={to} set={setTo} hint="UTC; empty: to the end" />
        </div>
        <p class="hint">The download begins at once; the more data, the longer it takes. Flags of the quality checks stand beside the values.</p>
        <div class="actions">
          <button type="submit" class="button button-main">
            <Icon name="download" />
            Download
          </button>
        </div>
      </Form>
    </Dialog>
  );
}
