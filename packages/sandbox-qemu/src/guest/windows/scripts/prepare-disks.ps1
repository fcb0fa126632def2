# Brings the cache disks on line, makes NTFS on those that are new, and gives the disk of index i the letter d+i, whatever
# Windows assigned to it by itself or remembers from an earlier step. Can be run again if it has failed.
# The cmdlets and their sets of parameters are those of Microsoft's reference, Storage module, of Windows Server 2022.
# $serials: the serial numbers of the disks. $formatted: a 1 for each that has a file system, else a 0, in the same order.
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
try {
  $disks = @(Get-Disk | Where-Object { -not $_.IsBoot -and -not $_.IsSystem } | Sort-Object -Property Number)
  if ($disks.Count -lt $formatted.Length) { throw 'Windows does not see all cache disks' }
  # Number can change between boots (StorageDsc#81). With some versions of virtio-win's driver every serial number is 0
  # (virtio-win#362): then the order of the numbers has to do. Others can be padded with blanks.
  $known = @($serials | ForEach-Object { $serial = $_; $disks | Where-Object { ([string]$_.SerialNumber).Trim() -eq $serial } })
  if ($known.Count -eq $formatted.Length) { $disks = $known }
  $partitions = @()
  for ($i = 0; $i -lt $formatted.Length; $i++) {
    $number = $disks[$i].Number
    if ($disks[$i].IsOffline) { Set-Disk -Number $number -IsOffline $false }
    if ($disks[$i].IsReadOnly) { Set-Disk -Number $number -IsReadOnly $false }
    if ($formatted[$i] -eq '0') {
      if ((Get-Disk -Number $number).PartitionStyle -eq 'RAW') { Initialize-Disk -Number $number -PartitionStyle MBR }
      $partition = Get-Partition -DiskNumber $number -ErrorAction SilentlyContinue | Where-Object { $_.Type -ne 'Reserved' } | Select-Object -First 1
      # Without a letter, or while a new partition is still read-only, Format-Volume fails (PowerShell#7771, StorageDsc#85;
      # StorageDsc's DSC_Disk.psm1 waits for up to 30 s).
      if (-not $partition) { $partition = New-Partition -DiskNumber $number -UseMaximumSize -AssignDriveLetter }
      for ($tries = 0; $partition.IsReadOnly -and $tries -lt 30; $tries++) {
        Start-Sleep -Seconds 1
        $partition = Get-Partition -DiskNumber $number -PartitionNumber $partition.PartitionNumber
      }
      Format-Volume -Partition $partition -FileSystem NTFS -NewFileSystemLabel obuilder -Confirm:$false | Out-Null
    }
    $partitions += Get-Partition -DiskNumber $number | Where-Object { $_.Type -ne 'Reserved' } | Select-Object -First 1
  }
  function Letter($partition) { return ([string]$partition.DriveLetter).Trim([char]0).ToLower() }
  for ($i = 0; $i -lt $formatted.Length; $i++) {
    $has = Letter $partitions[$i]
    if ($has -and $has -ne [string][char](100 + $i)) {
      Remove-PartitionAccessPath -DiskNumber $partitions[$i].DiskNumber -PartitionNumber $partitions[$i].PartitionNumber -AccessPath ($has + ':\')
    }
  }
  for ($i = 0; $i -lt $formatted.Length; $i++) {
    $letter = [string][char](100 + $i)
    $partition = Get-Partition -DiskNumber $partitions[$i].DiskNumber -PartitionNumber $partitions[$i].PartitionNumber
    if ((Letter $partition) -ne $letter) {
      Set-Partition -DiskNumber $partition.DiskNumber -PartitionNumber $partition.PartitionNumber -NewDriveLetter $letter
    }
  }
} catch {
  [Console]::Error.WriteLine($_.Exception.Message)
  exit 1
}
exit 0
