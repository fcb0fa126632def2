/** What is computed here takes so long on an idle machine of the kind that runs the tests, in milliseconds. */
const usual = 70;
/** How much work it is: enough for the share of a busy or limited processor to be seen. */
const rounds = 60_000_000;
/** A machine that is slower still has no use for these tests. */
const most = 40;

/** How much slower this machine is now than an idle one of its kind; at least 1. It is measured once in a run. */
export function slowness(): number {
  const known = Number(process.env["OB_TEST_SLOWNESS"]);
  if (known >= 1) return known;
  const started = performance.now();
  let value = 1;
  for (let round = 0; round < rounds; round += 1) value = (Math.imul(value, 1_664_525) + 1_013_904_223) | 0;
  const took = performance.now() - started;
  // The value is used, so that the work is done.
  const factor = value === 0 ? most : Math.min(Math.max(took / usual, 1), most);
  process.env["OB_TEST_SLOWNESS"] = String(factor);
  return factor;
}
