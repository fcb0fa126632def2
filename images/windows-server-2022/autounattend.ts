import { added, element, xmlDocument, type XmlElement } from "./xml.ts";

export interface AutounattendOptions {
  readonly user: string;
  /** The password of the login user and the administrator during this installation. */
  readonly password: string;
}

/** Server Core, as in the original; other editions have other names in `sources/install.wim`. */
export const imageInstallName = "Windows Server 2022 SERVERSTANDARDCORE";

/** A directory in the guest; the answer disc's directory of the same name is copied to it. */
const directory = String.raw`C:\obuilder`;

const copyFiles = String.raw`for %d in (C D E F G H I) do if exist %d:\autounattend.xml xcopy /e /i /q /y %d:\obuilder ${directory}`;
const install = String.raw`powershell.exe -NoProfile -ExecutionPolicy Bypass -File ${directory}\install.ps1`;

/**
 * What the login user's first session runs. It finds the disc by its contents, because its drive letter depends on the other discs. It
 * is one command: since Windows 10 several can be started at the same time (Microsoft's unattended setup reference,
 * Microsoft-Windows-Shell-Setup: FirstLogonCommands SynchronousCommand Order). cmd removes the outer quotes (Microsoft's reference of
 * Windows commands: cmd, for, if, xcopy).
 */
const firstLogonCommand = {
  description: "Copy the files of the answer disc, set the system up and switch it off",
  command: `cmd.exe /d /c "(${copyFiles}) & ${install}"`,
};

const namespaces = {
  "xmlns:wcm": "http://schemas.microsoft.com/WMIConfig/2002/State",
  "xmlns:xsi": "http://www.w3.org/2001/XMLSchema-instance",
};

/**
 * The answer file of Windows Setup, for a machine with BIOS that installs on its first disk. Setup finds the file in
 * the root of any disc. The drivers of the disk and the network card are beside it, in `$WinPEDriver$`.
 */
export function autounattend(options: AutounattendOptions): string {
  return xmlDocument({
    name: "unattend",
    attributes: { xmlns: "urn:schemas-microsoft-com:unattend" },
    content: [
      pass("windowsPE", [
        component("Microsoft-Windows-International-Core-WinPE", [
          element("SetupUILanguage", [element("UILanguage", "en-US")]),
          ...language,
        ]),
        component("Microsoft-Windows-Setup", [diskConfiguration, imageInstall, userData]),
      ]),
      pass("offlineServicing", [
        // Brings every disk online, including cache disks.
        component("Microsoft-Windows-PartitionManager", [element("SanPolicy", 1)]),
        // Disables UAC: everything that the login user runs has administrator rights, over SSH as at the first logon.
        component("Microsoft-Windows-LUA-Settings", [element("EnableLUA", false)]),
      ]),
      pass("specialize", [
        component("Microsoft-Windows-Shell-Setup", [
          element("ComputerName", "OBUILDER"),
          element("TimeZone", "UTC"),
        ]),
      ]),
      pass("oobeSystem", [
        component("Microsoft-Windows-International-Core", language),
        component("Microsoft-Windows-Shell-Setup", shellSetup(options)),
      ]),
    ],
  });
}

const language: readonly XmlElement[] = [
  element("InputLocale", "en-US"),
  element("SystemLocale", "en-US"),
  element("UILanguage", "en-US"),
  element("UserLocale", "en-US"),
];

/** The active partition for BIOS, then the system partition. Other disks are not modified. */
const diskConfiguration = element("DiskConfiguration", [
  element("WillShowUI", "OnError"),
  added("Disk", [
    element("DiskID", 0),
    element("WillWipeDisk", true),
    element("CreatePartitions", [
      added("CreatePartition", [element("Order", 1), element("Type", "Primary"), element("Size", 350)]),
      added("CreatePartition", [element("Order", 2), element("Type", "Primary"), element("Extend", true)]),
    ]),
    element("ModifyPartitions", [
      added("ModifyPartition", [
        ...[element("Order", 1), element("PartitionID", 1), element("Active", true)],
        ...[element("Format", "NTFS"), element("Label", "System")],
      ]),
      added("ModifyPartition", [
        ...[element("Order", 2), element("PartitionID", 2), element("Letter", "C")],
        ...[element("Format", "NTFS"), element("Label", "Windows")],
      ]),
    ]),
  ]),
]);

const imageInstall = element("ImageInstall", [
  element("OSImage", [
    element("InstallFrom", [
      added("MetaData", [element("Key", "/IMAGE/NAME"), element("Value", imageInstallName)]),
    ]),
    element("InstallTo", [element("DiskID", 0), element("PartitionID", 2)]),
    element("WillShowUI", "OnError"),
  ]),
]);

/** Evaluation and volume license media need no product key. */
const userData = element("UserData", [
  element("ProductKey", [element("WillShowUI", "OnError")]),
  element("AcceptEula", true),
]);

function shellSetup({ user, password }: AutounattendOptions): readonly XmlElement[] {
  const secret = [element("Value", password), element("PlainText", true)];
  return [
    element("OOBE", [
      element("HideEULAPage", true),
      element("HideOEMRegistrationScreen", true),
      element("HideOnlineAccountScreens", true),
      element("HideWirelessSetupInOOBE", true),
      element("ProtectYourPC", 3),
    ]),
    element("UserAccounts", [
      // Setup prompts for a missing password.
      element("AdministratorPassword", secret),
      element("LocalAccounts", [
        added("LocalAccount", [
          ...[element("Name", user), element("DisplayName", "OBuilder"), element("Group", "Administrators")],
          element("Password", secret),
        ]),
      ]),
    ]),
    element("AutoLogon", [
      ...[element("Enabled", true), element("LogonCount", 1), element("Username", user)],
      element("Password", secret),
    ]),
    element("FirstLogonCommands", [
      added("SynchronousCommand", [
        ...[element("Order", 1), element("CommandLine", firstLogonCommand.command)],
        ...[element("Description", firstLogonCommand.description), element("RequiresUserInput", false)],
      ]),
    ]),
  ];
}

function pass(name: string, components: readonly XmlElement[]): XmlElement {
  return { name: "settings", attributes: { pass: name }, content: components };
}

function component(name: string, content: readonly XmlElement[]): XmlElement {
  return {
    name: "component",
    attributes: {
      ...{ name, processorArchitecture: "amd64", publicKeyToken: "31bf3856ad364e35" },
      ...{ language: "neutral", versionScope: "nonSxS", ...namespaces },
    },
    content,
  };
}
