import { expect, test } from "vitest";
import { debianMirrors } from "./apt-root.ts";

test("the host's mirrors are used for the image's suite, whatever the host's suite", () => {
  const targets = [
    "Debian|http://mirror.example/debian/|trixie",
    "Debian|http://mirror.example/debian/|trixie-updates",
    "Debian-Security|http://mirror.example/security/|trixie-security",
    "Node Source|https://node.example/|nodistro",
  ].join("\n");
  expect(debianMirrors(targets, "bookworm")).toEqual([
    "deb http://mirror.example/debian/ bookworm main",
    "deb http://mirror.example/debian/ bookworm-updates main",
    "deb http://mirror.example/security/ bookworm-security main",
  ]);
});

test("on a host that is not a Debian, mmdebstrap uses its defaults", () => {
  expect(debianMirrors("Ubuntu|http://mirror.example/ubuntu/|noble", "bookworm")).toEqual([]);
  expect(debianMirrors("", "bookworm")).toEqual([]);
});

test("a host without Debian's security updates has none for the image", () => {
  expect(debianMirrors("Debian|http://mirror.example/debian/|bookworm", "bookworm")).toHaveLength(2);
});
