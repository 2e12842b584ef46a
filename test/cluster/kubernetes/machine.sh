#!/bin/sh
# Runs a machine's keeper, and sweeps up when it has ended, however it ended.
#
#   machine.sh plain|isolated DIRECTORY NODE KEEPER
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

# Removes the cgroups, which carry the machine's name, and the directory, below which nothing is mounted any more.
# The kernel may still be busy with the end of the last processes. KEEP_MACHINES=1 keeps the directory, for its logs.
sweep() {
  name=$(basename "$1")
  # Whatever goes wrong elsewhere, no other directory than a machine's is ever removed.
  case $name in redis-ip-updater-??????) ;; *) echo "$1 is not the directory of a machine" >&2 && exit 1 ;; esac
  [ "${KEEP_MACHINES:-}" != 1 ] || directory=
  attempts=0
  until remove_cgroups "$name" 2>/dev/null && rm -rf "$directory" 2>/dev/null; do
    attempts=$((attempts + 1))
    [ "$attempts" -lt 100 ] || { echo "something of $1 or of the cgroups $name cannot be removed" >&2 && exit 1; }
    sleep 0.1
  done
}

remove_cgroups() {
  for cgroup in /sys/fs/cgroup/"$1" /sys/fs/cgroup/*/"$1"; do
    [ ! -d "$cgroup" ] || find "$cgroup" -depth -type d -exec rmdir {} + || return 1
  done
}

stage=$1
directory=$2
shift 2
case $stage in
plain)
  "$1" "$2" "$directory" || true
  sweep "$directory"
  ;;
isolated)
  unshare --net "$0" enter "$directory" "$@" || true
  sweep "$directory"
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
