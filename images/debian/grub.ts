/** GRUB's first commands, which boot the kernel of the root file system. */
export function grubConfigOf(commandLine: string): string {
  return `set root=(hd0,msdos1)
linux /boot/vmlinuz ${commandLine}
initrd /boot/initrd
boot
`;
}
