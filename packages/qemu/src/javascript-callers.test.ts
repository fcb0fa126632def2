import { expect, test } from "vitest";
import { chooseAccelerator, installCpuArgs, probe, QemuInstance, Vm } from "./index.ts";

const config = { machine: {}, rootDisk: "/x", disks: [] };
const start = Vm.start.bind(Vm);
const spawn = QemuInstance.spawn.bind(QemuInstance);

/** As from JavaScript, which knows no types. */
test.each<readonly [string, (...args: never[]) => Promise<unknown>, readonly unknown[], string]>([
  ["Vm.start", start, [], "Vm.start: config takes an object with options, not undefined."],
  [
    "Vm.start",
    start,
    [{ ...config, rootDisk: 7 }],
    "Vm.start: config: rootDisk must be a string, not a number.",
  ],
  ["Vm.start", start, [config], "Vm.start takes an object with options, not undefined."],
  ["Vm.start", start, [config, {}], "Vm.start: stateDirectory must be a string, not undefined."],
  ["QemuInstance.spawn", spawn, ["qemu"], "QemuInstance.spawn: argv must be an array, not a string."],
  ["probe", probe, ["amd64"], "probe: machine must be an object, not a string."],
  ["probe", probe, [{}, { accelerator: 1 }], "probe: accelerator must be a string, not a number."],
  [
    "chooseAccelerator",
    chooseAccelerator,
    [{}, {}],
    "chooseAccelerator: choice must be a string, not undefined.",
  ],
  ["installCpuArgs", installCpuArgs, [null], "installCpuArgs takes an object with options, not null."],
])("%s is refused by name", async (...[, entry, args, message]) => {
  await expect(Reflect.apply(entry, undefined, args)).rejects.toThrow(new TypeError(message));
});
