#!/usr/bin/env bash
# Two hosts on one machine: network namespaces joined by a virtual cable, with host names of their own.
# Needs root, iproute2 and OpenMPI.
#
#   tests/distributed/hosts.sh deno run -A main.ts pretrain …
#
# runs the command as one rank on each host, over TCP only. RANKS_PER_HOST (1) and RATE (such as
# "1gbit", which tc puts on the cable) change that.
set -euo pipefail

id=$$
a=mimic-a-$id
b=mimic-b-$id
agent=$(mktemp)
cleanup() {
  ip netns del "$a" 2>/dev/null || true
  ip netns del "$b" 2>/dev/null || true
  rm -f "$agent"
}
trap cleanup EXIT

ip netns add "$a"
ip netns add "$b"
ip link add "va$id" netns "$a" type veth peer name "vb$id" netns "$b"
ip -n "$a" addr add 10.77.0.1/24 dev "va$id"
ip -n "$b" addr add 10.77.0.2/24 dev "vb$id"
for end in "$a va$id" "$b vb$id"; do
  read -r namespace device <<<"$end"
  ip -n "$namespace" link set lo up
  ip -n "$namespace" link set "$device" up
  if [ -n "${RATE:-}" ]; then
    ip netns exec "$namespace" tc qdisc add dev "$device" root tbf rate "$RATE" burst 256k latency 50ms
  fi
done

# What mpirun calls in place of ssh: HOST COMMAND…
cat >"$agent" <<AGENT
#!/usr/bin/env bash
host=\$1; shift
[ "\$host" = 10.77.0.2 ] || exit 1
exec ip netns exec $b unshare --uts bash -c "hostname mimic-b; \$*"
AGENT
chmod +x "$agent"

export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
per=${RANKS_PER_HOST:-1}
launch=(mpirun --host "10.77.0.1:$per,10.77.0.2:$per" -n $((2 * per)) --bind-to none
  --mca plm_rsh_agent "$agent" --mca plm_rsh_no_tree_spawn 1 --mca btl self,tcp
  --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24)
ip netns exec "$a" unshare --uts bash -c 'hostname mimic-a; exec "$@"' _ "${launch[@]}" "$@"
