/** What the page believes of the API's answers is what the cloud says of them: each type of ours takes the described one. */
import type * as ours from "../../src/api/types";
import type { components } from "./made/schema";

type Said = components["schemas"];

/** Fails to compile unless `Theirs` can be used as `Ours`. */
type Takes<Ours, Theirs extends Ours> = [Ours, Theirs];

export type Checked = [
  Takes<ours.Me, Said["Me"]>,
  Takes<ours.Fleet, Said["Fleet"]>,
  Takes<ours.Device, Said["Device"]>,
  Takes<ours.Series, Said["Series"]>,
  Takes<ours.Conflict, Said["Conflict"]>,
  Takes<ours.Day, Said["Day"]>,
  Takes<ours.Completeness, Said["Completeness"]>,
  Takes<ours.Quarantined, Said["Refused"]>,
  Takes<ours.Gateway, Said["Gateway"]>,
  Takes<ours.Plan, Said["Plan"]>,
  Takes<ours.Rule, Said["Rule"]>,
  Takes<ours.Alert, Said["Alert"]>,
  Takes<ours.Channel, Said["Channel"]>,
  Takes<ours.User, Said["User"]>,
  Takes<ours.Token, Said["Token"]>,
  Takes<ours.RetentionPreview, Said["RetentionPreview"]>,
];
