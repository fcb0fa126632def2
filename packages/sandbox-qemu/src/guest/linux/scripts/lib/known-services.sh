# "refuse_unknown_services" reads lines of list_units, and says why a guest is not reused whose boot starts other services than those of
# our recipes: a step may change what such a service has read at its start, or what it holds in memory, and only a boot starts it anew.
# What those that are known read is compared by collect_units.
refuse_unknown_services() {
  while IFS= read -r line; do
    case $line in "unit: "*' active '* | "unit of "*': '*' active '*) ;; *) continue ;; esac
    unit=${line#*: } unit=${unit%% *}
    case $unit in
      systemd-nspawn@*) ;;
      # What Debian's image starts, and what a cloud image of Ubuntu has besides.
      systemd-*.service | dbus.service | dbus-broker.service | cron.service | ssh.service | getty@*.service | serial-getty@*.service) continue ;;
      user@*.service | user-runtime-dir@*.service | modprobe@*.service | kmod-static-nodes.service | obuilder-*.service) continue ;;
      ifupdown-pre.service | networking.service | ifup@*.service | keyboard-setup.service | console-setup.service | e2scrub_reap.service) continue ;;
      apparmor.service | blk-availability.service | lvm2-monitor.service | finalrd.service | setvtrgb.service | plymouth-*.service) continue ;;
      polkit.service | networkd-dispatcher.service | rsyslog.service | ufw.service | cloud-*.service | chrony.service) continue ;;
      *.service) ;;
      *) continue ;;
    esac
    echo "no: its boot has started $unit, of which it is not known what it keeps"
    return
  done
}
