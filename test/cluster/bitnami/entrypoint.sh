#!/bin/bash
# What the entrypoint of bitnami/redis-cluster does to nodes.conf before its server starts, in our own words:
# nodes.sh holds which host had which IP at the last start, and every one of these IPs in nodes.conf becomes the
# one that the host has now. docs/decisions/cluster-bitnami-nodes-sh.md names the sources.
#
# usage: entrypoint.sh COMMAND...   the server, started when the files are as the entrypoint wants them
#   REDIS_DATA_DIR   where nodes.conf and nodes.sh are
#   REDIS_NODES      the hosts
#   LOOKUP           a command that, given a host, prints its IP, or an empty line (bitnami's asks DNS)
#   REPLACEMENT      marked (bitnami since September 2022), delimited, or plain (the first)
set -o errexit -o nounset -o pipefail

conf=$REDIS_DATA_DIR/nodes.conf
list=$REDIS_DATA_DIR/nodes.sh
declare -A host_2_ip_array

address_of() {
  local ip
  until ip=$($LOOKUP "$1") && [[ -n $ip ]]; do sleep 0.1; done
  echo "$ip"
}

replace() {
  local text
  case ${REPLACEMENT:-marked} in
    plain) text=$(sed "s/$1/$2/g" "$conf") ;;
    delimited) text=$(sed "s/ $1:/ $2:/g" "$conf") ;;
    marked) text=$(sed "s/ $1:/ $2<NEWIP>:/g" "$conf") ;;
  esac
  echo "$text" >"$conf"
}

known=no
if [[ -f $list && -f $conf ]]; then
  known=yes
  . "$list"
fi
for host in $REDIS_NODES; do
  ip=$(address_of "$host")
  if [[ $known = yes && ${host_2_ip_array[$host]+listed} ]]; then
    echo "Changing old IP ${host_2_ip_array[$host]} by the new one $ip"
    replace "${host_2_ip_array[$host]}" "$ip"
  fi
  host_2_ip_array[$host]=$ip
done
[[ $known = no ]] || sed -i 's/<NEWIP>:/:/g' "$conf"
declare -p host_2_ip_array >"$list"
exec "$@"
