/**
 * A deadline of a test, longer by how much slower this machine is than an idle one; vitest.deadlines.ts measures it.
 *
 * @param milliseconds what it is on an idle machine.
 */
export function testTime(milliseconds: number): number {
  return Math.round(milliseconds * Math.max(1, Number(process.env["OB_TEST_SLOWNESS"] ?? 1)));
}
