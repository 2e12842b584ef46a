#!/bin/sh
# Runs a machine's keeper, and sweeps up when it has ended, however it ended.
#
#   machine.sh plain|isolated DIRECTORY NODE KEEPER SWEEP
#
# An isolated machine has a network, mounts and processes of its own. Nothing of these has a name that others
# see: when the keeper ends, the kernel ends everything started in there, and with the last process go the
# mounts and the network. DIRECTORY/pid holds the process by which its network can be entered from outside.
set -eu

# Directories that Kubernetes and containerd write to whatever their flags say: the machine sees its own.
hide_from_host() {
  host=$1/host
  mkdir -p "$host/lib" "$host/original-lib" "$host/log" "$host/run"
  # /var/lib keeps its other entries: somebody's checkout or cache may be below it.
  mount --rbind /var/lib "$host/original-lib"
  mount --bind "$host/lib" /var/lib
  for entry in "$host"/original-lib/*/; do
    name=$(basename "$entry")
    case $name in '*' | kubelet | cni | containerd | containers) continue ;; esac
    mkdir "/var/lib/$name"
    mount --rbind "$entry" "/var/lib/$name"
  done
  mkdir "$host/log/pods" "$host/log/containers"
  mount --bind "$host/log" /var/log
  mount --bind "$host/run" /run
  # The kubelet sets these for the whole host. It leaves alone what already has the value it wants.
  keep_sysctl vm/overcommit_memory 1
  keep_sysctl vm/panic_on_oom 0
  keep_sysctl kernel/panic 10
  keep_sysctl kernel/panic_on_oops 1
  keep_sysctl kernel/keys/root_maxkeys 1000000
  keep_sysctl kernel/keys/root_maxbytes 25000000
}

keep_sysctl() {
  [ -e "/proc/sys/$1" ] || return 0
  copy=$host/sysctl-$(basename "$1")
  echo "$2" >"$copy"
  mount --bind "$copy" "/proc/sys/$1"
}

stage=$1
directory=$2
shift 2
case $stage in
plain)
  "$1" "$2" "$directory" || true
  exec "$1" "$3" "$directory"
  ;;
isolated)
  unshare --net "$0" enter "$directory" "$1" "$2" || true
  exec "$1" "$3" "$directory"
  ;;
enter)
  echo $$ >"$directory/pid"
  exec unshare --mount --propagation private --pid --fork --kill-child --mount-proc "$0" inside "$directory" "$@"
  ;;
inside)
  hide_from_host "$directory"
  # Pods that want mounts to be passed on need a shared root, as real hosts have. Not before this point: the
  # copies above would take part in the mounts that they are there to survive.
  mount --make-rshared /
  ip link set lo up
  # As the first process of this machine we inherit its orphans: `wait` buries them.
  "$1" "$2" "$directory" &
  wait $!
  ;;
esac
