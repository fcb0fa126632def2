# Run at the first logon, from C:\obuilder. It sets the system up, tells the first serial port how far it is, and
# switches the machine off, whether it succeeded or not.
#
# The cmdlets are in Microsoft's reference of Windows PowerShell (docset/winserver2022-ps: Storage, NetSecurity, ScheduledTasks,
# ServerManager) and of PowerShell 5.1; powercfg, icacls, net and msiexec in that of Windows commands. docs/guests.md lists what was
# not checked there.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$lib = 'C:\obuilder'
$settings = Get-Content -Raw "$lib\settings.json" | ConvertFrom-Json
$user = $settings.user
$cygwin = 'C:\cygwin64'

function Say([string]$text) {
  $port = New-Object System.IO.Ports.SerialPort 'COM1', 115200
  $port.Open()
  $port.Write("`r`nobuilder: $text`r`n")
  $port.Close()
}

# Runs a program to its end, whatever kind it is; other statuses than those allowed end the installation.
function Invoke-Program([string]$program, [string[]]$arguments, [int[]]$allowed = @(0)) {
  $process = Start-Process -FilePath $program -ArgumentList $arguments -Wait -PassThru -NoNewWindow
  if ($allowed -notcontains $process.ExitCode) { throw "$program ended with status $($process.ExitCode)" }
}

function Set-Value([string]$key, [string]$name, $value, [string]$type = 'DWord') {
  if (-not (Test-Path $key)) { New-Item -Path $key -Force | Out-Null }
  New-ItemProperty -Path $key -Name $name -Value $value -PropertyType $type -Force | Out-Null
}

function Set-System {
  # Nothing may start, sleep or restart by itself in a build.
  powercfg.exe /hibernate off
  powercfg.exe /change standby-timeout-ac 0
  powercfg.exe /change monitor-timeout-ac 0
  powercfg.exe /change disk-timeout-ac 0
  $policies = 'HKLM:\SOFTWARE\Policies\Microsoft'
  Set-Value "$policies\Windows\WindowsUpdate\AU" NoAutoUpdate 1
  Set-Value "$policies\Windows\WindowsUpdate\AU" NoAutoRebootWithLoggedOnUsers 1
  foreach ($service in 'wuauserv', 'UsoSvc', 'SysMain', 'WSearch', 'DiagTrack') {
    if (Get-Service -Name $service -ErrorAction SilentlyContinue) {
      Stop-Service -Name $service -Force -ErrorAction SilentlyContinue
      Set-Service -Name $service -StartupType Disabled
    }
  }
  if (Get-WindowsFeature -Name Windows-Defender | Where-Object Installed) {
    Uninstall-WindowsFeature -Name Windows-Defender | Out-Null
  }
  Disable-ScheduledTask -TaskPath '\Microsoft\Windows\Defrag\' -TaskName ScheduledDefrag | Out-Null

  # The power button shuts down, also when nobody is logged on, and nobody is asked why.
  powercfg.exe /setacvalueindex scheme_current sub_buttons pbuttonaction 3
  powercfg.exe /setactive scheme_current
  Set-Value 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System' shutdownwithoutlogon 1
  Set-Value "$policies\Windows NT\Reliability" ShutdownReasonOn 0

  # QEMU's clock runs in UTC. Long paths are usual in builds.
  Set-Value 'HKLM:\SYSTEM\CurrentControlSet\Control\TimeZoneInformation' RealTimeIsUniversal 1
  Set-Value 'HKLM:\SYSTEM\CurrentControlSet\Control\FileSystem' LongPathsEnabled 1
  Set-StorageSetting -NewDiskPolicy OnlineAll
}

function Install-Cygwin {
  $packages = $settings.cygwinPackages -join ','
  Invoke-Program "$lib\setup-x86_64.exe" @(
    '--quiet-mode', '--no-shortcuts', '--no-startmenu', '--no-desktop', '--only-site',
    '--site', 'https://mirrors.kernel.org/sourceware/cygwin/', '--root', $cygwin,
    '--local-package-dir', "$lib\cygwin", '--packages', $packages
  )
  if (-not (Test-Path "$cygwin\bin\bash.exe")) { throw 'Cygwin has no bash' }
  # Cygwin's own permissions would get in the way of Windows' programs.
  [IO.File]::WriteAllText("$cygwin\etc\fstab", "none /cygdrive cygdrive binary,noacl,posix=0,user 0 0`n")
  $machine = [EnvironmentVariableTarget]::Machine
  [Environment]::SetEnvironmentVariable('CYGWIN', 'nodosfilewarning winsymlinks:native', $machine)
  $path = [Environment]::GetEnvironmentVariable('Path', $machine)
  $first = "$cygwin\bin;$cygwin\usr\x86_64-w64-mingw32\sys-root\mingw\bin"
  [Environment]::SetEnvironmentVariable('Path', "$first;$path", $machine)
  $env:Path = "$first;$env:Path"
}

function Install-Ssh {
  Invoke-Program msiexec.exe @('/i', "$lib\OpenSSH-Win64.msi", '/qn', '/norestart') @(0, 3010)
  Set-Value 'HKLM:\SOFTWARE\OpenSSH' DefaultShell "$cygwin\bin\bash.exe" String

  # Its first start makes the host keys and the configuration. What stands first in that counts.
  Start-Service -Name sshd
  Stop-Service -Name sshd
  $ssh = 'C:\ProgramData\ssh'
  $usual = [IO.File]::ReadAllText("$ssh\sshd_config")
  $ours = @(
    'AcceptEnv *', 'PermitUserEnvironment yes', 'UseDNS no', 'PasswordAuthentication no',
    'KbdInteractiveAuthentication no', 'MaxStartups 100', 'MaxSessions 100'
  ) -join "`r`n"
  [IO.File]::WriteAllText("$ssh\sshd_config", "$ours`r`n$usual")

  # sshd takes keys of administrators from here, if nobody else can write it: Administrators and SYSTEM, by their SIDs. A new
  # file has inherited entries only, which /inheritance:r removes (Microsoft's reference of Windows commands: icacls).
  $keys = "$ssh\administrators_authorized_keys"
  [IO.File]::WriteAllText($keys, "$($settings.publicKey)`n")
  Invoke-Program icacls.exe @($keys, '/inheritance:r', '/grant', '*S-1-5-32-544:F', '/grant', '*S-1-5-18:F')

  if (-not (Get-NetFirewallRule -Name obuilder-sshd -ErrorAction SilentlyContinue)) {
    New-NetFirewallRule -Name obuilder-sshd -DisplayName 'OpenSSH server (OBuilder)' -Direction Inbound `
      -Protocol TCP -LocalPort 22 -Action Allow -Profile Any | Out-Null
  }
  Set-Service -Name sshd -StartupType Automatic
  Start-Service -Name sshd
}

function Install-Opam([string]$version) {
  Copy-Item "$lib\opam.exe" "$cygwin\bin\opam.exe"
  $machine = [EnvironmentVariableTarget]::Machine
  foreach ($name in 'OPAMYES=1', 'OPAMCONFIRMLEVEL=unsafe-yes', 'OPAMERRLOGLEN=0', 'OPAMPRECISETRACKING=1') {
    $key, $value = $name -split '='
    [Environment]::SetEnvironmentVariable($key, $value, $machine)
    Set-Item "env:$key" $value
  }
  $repository = "C:\Users\$user\opam-repository"
  $opam = "$cygwin\bin\opam.exe"
  Invoke-Program "$cygwin\bin\git.exe" @('clone', 'https://github.com/ocaml/opam-repository', $repository)
  Invoke-Program $opam @('init', '--kind=local', '--bare', '--auto-setup', "--cygwin-location=$cygwin", $repository)
  $compilers = "$repository\packages\ocaml-base-compiler"
  if (-not (Test-Path "$compilers\ocaml-base-compiler.$version")) {
    $there = Get-ChildItem -Path $compilers -Name | ForEach-Object { $_ -replace '^ocaml-base-compiler\.', '' } |
      Where-Object { $_ -match '^\d+\.\d+\.\d+$' } | Sort-Object { [version]$_ } | Select-Object -Last 20
    throw "opam's repository has no OCaml $version. The newest that it has: $($there -join ' ')"
  }
  Invoke-Program $opam @('switch', 'create', $version, "--packages=ocaml-base-compiler.$version")
  Invoke-Program $opam @('pin', 'add', '--kind=version', 'ocaml-base-compiler', $version)
  Invoke-Program $opam @('exec', '--', 'ocaml', '-version')
  Invoke-Program $opam @('clean', '--all-switches', '--download-cache', '--logs')
}

# The second disk becomes a cache template, by the commands that make any cache.
function New-CacheDisk {
  $disk = Get-Disk | Where-Object { -not $_.IsBoot -and -not $_.IsSystem } | Select-Object -First 1
  if ($disk.IsOffline) { Set-Disk -Number $disk.Number -IsOffline $false }
  if ($disk.IsReadOnly) { Set-Disk -Number $disk.Number -IsReadOnly $false }
  Initialize-Disk -Number $disk.Number -PartitionStyle MBR
  # As in prepare-disks.ps1: without a letter, or while the partition is still read-only, Format-Volume fails now and then
  # (PowerShell#7771, StorageDsc#85; StorageDsc's DSC_Disk.psm1 waits for up to 30 s).
  $partition = New-Partition -DiskNumber $disk.Number -UseMaximumSize -AssignDriveLetter
  for ($tries = 0; $partition.IsReadOnly -and $tries -lt 30; $tries++) {
    Start-Sleep -Seconds 1
    $partition = Get-Partition -DiskNumber $disk.Number -PartitionNumber $partition.PartitionNumber
  }
  Format-Volume -Partition $partition -FileSystem NTFS -NewFileSystemLabel obuilder -Confirm:$false | Out-Null
}

# No password is left that anybody knows or that a file has: the login user's was made for this installation alone.
function Clear-Traces {
  $winlogon = 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon'
  Set-Value $winlogon AutoAdminLogon '0' String
  foreach ($name in 'DefaultPassword', 'AutoLogonCount') {
    Remove-ItemProperty -Path $winlogon -Name $name -ErrorAction SilentlyContinue
  }
  net.exe user Administrator /active:no | Out-Null
  Set-LocalUser -Name $user -PasswordNeverExpires $true
  foreach ($file in 'C:\Windows\Panther\unattend.xml', 'C:\Windows\Panther\unattend-original.xml',
    'C:\Windows\System32\Sysprep\unattend.xml', 'C:\Windows\System32\Sysprep\Panther\unattend.xml') {
    Remove-Item -Path $file -Force -ErrorAction SilentlyContinue
  }
  Set-Location C:\
  # This script has been read whole: its file may go.
  Remove-Item -Path $lib -Recurse -Force
  Optimize-Volume -DriveLetter C -ReTrim
}

try {
  Say 'first logon'
  Set-System
  Say 'the system is set up'
  Install-Cygwin
  Say 'Cygwin is installed'
  Install-Ssh
  Say 'the SSH server is installed'
  if ($settings.ocaml) { Install-Opam $settings.ocaml }
  New-CacheDisk
  Clear-Traces
  Say 'installed'
} catch {
  Say "failed: $($_.Exception.Message) (line $($_.InvocationInfo.ScriptLineNumber) of install.ps1)"
}
Stop-Computer -Force
