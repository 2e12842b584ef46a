import t from 'tap';
import { announcedElsewhere } from '../../src/admission/announced.ts';
import type { Container, EnvVar } from '../../src/admission/shapes.ts';

const field = (name: string, fieldPath: string): EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } });
const podIp = field('POD_IP', 'status.podIP');
const hostIp = field('HOST_IP', 'status.hostIP');
const fromConfigMap = { name: 'LB', valueFrom: {} };
const text = (name: string, value: string): EnvVar => ({ name, value });

type Shown = { hostNetwork?: boolean; ports?: Container['ports'] };
const announced = (args: string[], env: EnvVar[] = [], { hostNetwork = false, ports }: Shown = {}) =>
  announcedElsewhere({ name: 'redis', args, env, ports }, { metadata: {}, spec: { hostNetwork } });

const theirOwn: Record<string, [string[], EnvVar[]?, Shown?]> = {
  'nothing is announced': [['redis-server', '--cluster-enabled', 'yes']],
  'the pod IP': [['--cluster-announce-ip', '$(POD_IP)'], [podIp]],
  'the pod IP, in a shell': [[`exec redis-server --cluster-announce-ip "\${POD_IP}"`], [podIp]],
  'the pod IP, written into a file': [['echo "cluster-announce-ip $POD_IP" >> r.conf'], [podIp]],
  'the pod IP, by way of another variable': [
    ['--cluster-announce-ip', '$(IP)'],
    [podIp, text('IP', '$(POD_IP)')],
  ],
  'the pod IPs': [['--cluster-announce-ip', '$(IPS)'], [field('IPS', 'status.podIPs')]],
  'the pod IP, with ports that are said to be so': [
    ['--cluster-announce-ip', '$(POD_IP)', '--cluster-announce-port', '7000'],
    [podIp],
  ],
  'the IP of the host on its network': [
    ['--cluster-announce-ip', '$(HOST_IP)'],
    [hostIp],
    { hostNetwork: true },
  ],
  'what a script computes': [['redis-server --cluster-announce-ip $(hostname -i)']],
  'a variable of a script': [['redis-server --cluster-announce-ip $IP']],
  'a variable that begins with itself': [['--cluster-announce-ip', '$(IP)'], [text('IP', '$(IP)')]],
  'a replacement by sed': [["sed 's/^cluster-announce-ip .*/cluster-announce-ip 1/' r.conf"]],
  'the default port': [['--cluster-announce-port', '6379']],
  'its own port': [['--port', '7000', '--cluster-announce-port', '7000']],
  'its own port, by a variable': [
    ['--port', '$(PORT)', '--cluster-announce-port', '7000'],
    [text('PORT', '7000')],
  ],
  'its own port, the same unknown variable': [['--port $PORT --cluster-announce-port $PORT']],
  'its own TLS port': [['--port', '0', '--tls-port', '6380', '--cluster-announce-tls-port', '6380']],
  'no port': [['--cluster-announce-port', '0', '--cluster-announce-bus-port', '0']],
  'the usual bus port': [['--port', '7000', '--cluster-announce-bus-port', '17000']],
  'its own bus port': [['--cluster-port', '7001', '--cluster-announce-bus-port', '7001']],
  'the usual bus port of an unknown one': [['--cluster-announce-bus-port 1$PORT']],
  'the usual bus port, its own port by a variable': [
    ['--port', '$(PORT)', '--cluster-announce-bus-port', '17000'],
    [text('PORT', '7000')],
  ],
  'a bus port, its own port in a variable of a ConfigMap': [
    ['--port', '$(LB)', '--cluster-announce-bus-port', '17000'],
    [fromConfigMap],
  ],
  'a bus port, its own in a variable of a ConfigMap': [
    ['--cluster-port', '$(LB)', '--cluster-announce-bus-port', '7001'],
    [fromConfigMap],
  ],
  'a port, its own in an unknown variable': [['--port $PORT --cluster-announce-port 7000']],
  'a port beside what a command says': [
    ['redis-server --cluster-announce-ip $(hostname -i) --cluster-announce-port 7000'],
  ],
  'a port beside what a command without arguments says': [
    ['redis-server --cluster-announce-ip $(own_ip) --cluster-announce-port 7000'],
  ],
  'a port beside what a command said': [
    ['IP="$(hostname -i)"; redis-server --cluster-announce-ip "$IP" --cluster-announce-port 7000'],
  ],
  'a port beside what a command said, unquoted, by backticks': [
    ['IP=`hostname -i`; redis-server --cluster-announce-ip $IP --cluster-announce-port 7000'],
  ],
  'a port, its own in a configuration file': [['redis-server', '/r.conf', '--cluster-announce-port', '7000']],
  'a bus port, its own in a configuration file': [
    ['redis-server', '/r.conf', '--cluster-announce-bus-port', '17000'],
  ],
  'a port, its own in a file of any name': [['redis-server /etc/r --cluster-announce-port 7000']],
  'a port, its own in a file that a variable names': [['redis-server $CONF --cluster-announce-port 7000']],
  'a declared port': [['--cluster-announce-port', '7000'], [], { ports: [{ containerPort: 7000 }] }],
  'a declared bus port': [['--cluster-announce-bus-port', '7001'], [], { ports: [{ containerPort: 7001 }] }],
  'bitnami, its own port': [
    [],
    [text('REDIS_PORT_NUMBER', '6380'), text('REDIS_CLUSTER_ANNOUNCE_PORT', '6380')],
  ],
  'bitnami, its own TLS port': [
    [],
    [text('VALKEY_TLS_PORT_NUMBER', '6380'), text('VALKEY_CLUSTER_ANNOUNCE_TLS_PORT', '6380')],
  ],
  'bitnami, no port': [
    [],
    [text('REDIS_CLUSTER_ANNOUNCE_PORT', ''), text('VALKEY_CLUSTER_ANNOUNCE_TLS_PORT', '0')],
  ],
  'the default port, another in what a script says': [
    ['echo starting on port 6380; redis-server --cluster-announce-port 6379'],
  ],
  'its own port, written as configuration': [
    ['cat > /r <<EOF\nport 7000\ncluster-announce-port 7000\nEOF\nexec /run'],
  ],
  'bitnami, addresses that change': [[], [text('REDIS_CLUSTER_DYNAMIC_IPS', 'yes')]],
};
for (const [what, args] of Object.entries(theirOwn))
  t.test(what, async (t) => {
    t.equal(announced(...args), undefined);
  });

const elsewhere: Record<string, [string, string[], EnvVar[]?, Shown?]> = {
  'an IP': ['cluster-announce-ip', ['--cluster-announce-ip', '203.0.113.7']],
  'an IPv6 address': ['cluster-announce-ip', ['--cluster-announce-ip', '2001:db8::7']],
  'an IP, by a variable': ['cluster-announce-ip', ['--cluster-announce-ip $LB'], [text('LB', '203.0.113.7')]],
  'the last counts': [
    'cluster-announce-ip',
    ['--cluster-announce-ip', '$(POD_IP)', '--cluster-announce-ip', '203.0.113.7'],
    [podIp],
  ],
  'from a ConfigMap': ['cluster-announce-ip', ['--cluster-announce-ip', '$(LB)'], [fromConfigMap]],
  'the IP of the host': ['cluster-announce-ip', ['--cluster-announce-ip', '$(HOST_IP)'], [hostIp]],
  'bitnami, an IP': ['cluster-announce-ip', [], [text('REDIS_CLUSTER_ANNOUNCE_IP', '203.0.113.7')]],
  'a port': ['cluster-announce-port', ['--cluster-announce-port', '30001']],
  'a port that a script computes': ['cluster-announce-port', ['--cluster-announce-port $((30000 + i))']],
  'a port beside an address that a script computes': [
    'cluster-announce-port',
    ['redis-server --cluster-announce-ip $IP --cluster-announce-port 30001'],
  ],
  'a port, its own being another': [
    'cluster-announce-port',
    ['--port', '7000', '--cluster-announce-port', '6379'],
  ],
  'a port, another being declared': [
    'cluster-announce-port',
    ['--cluster-announce-port', '30001'],
    [],
    { ports: [{ containerPort: 6379 }] },
  ],
  'a port, the same in what a script says': [
    'cluster-announce-port',
    ['echo reached at port 30001; redis-server --cluster-announce-port 30001'],
  ],
  'a port, beside the file of the nodes': [
    'cluster-announce-port',
    ['redis-server', '--cluster-config-file', 'nodes.conf', '--cluster-announce-port', '30001'],
  ],
  'a port, handed on by a script that knows an address of each pod': [
    'cluster-announce-port',
    [
      'case $POD_NAME in redis-0) ip=203.0.113.7 ;; esac; exec redis-server "$@" --cluster-announce-ip "$ip"',
      ...['sh', '--port', '7000', '--cluster-announce-port', '30001'],
    ],
  ],
  'ports, in a script of several lines': [
    'cluster-announce-port',
    [
      'exec redis-server \\\n  --port 6379 \\\r\n  --cluster-announce-port 30001 \\\n  --cluster-announce-bus-port 31001',
    ],
  ],
  'a port beside a variable of the kubelet that is not shown': [
    'cluster-announce-port',
    ['redis-server', '--cluster-announce-ip', '$(LB_IP)', '--cluster-announce-port', '30001'],
  ],
  'an IP, the ports in a configuration file': [
    'cluster-announce-ip',
    ['redis-server', '/r.conf', '--cluster-announce-ip', '203.0.113.7'],
  ],
  'a bus port, its own port by a variable': [
    'cluster-announce-bus-port',
    ['--port', '$(PORT)', '--cluster-announce-bus-port', '31001'],
    [text('PORT', '7000')],
  ],
  'a TLS port': ['cluster-announce-tls-port', ['--tls-port', '6380', '--cluster-announce-tls-port', '30001']],
  'a bus port': ['cluster-announce-bus-port', ['--cluster-announce-bus-port', '31001']],
  'bitnami, addresses that stay': ['CLUSTER_DYNAMIC_IPS', [], [text('REDIS_CLUSTER_DYNAMIC_IPS', 'no')]],
  'bitnami, addresses that stay, by a variable that is not shown': [
    'CLUSTER_DYNAMIC_IPS',
    [],
    [text('REDIS_CLUSTER_ANNOUNCE_IP', '$(LB_IP)'), text('REDIS_CLUSTER_DYNAMIC_IPS', 'no')],
  ],
  'bitnami, a port beside a variable that is not shown': [
    'cluster-announce-port',
    [],
    [text('REDIS_CLUSTER_ANNOUNCE_IP', '$(LB_IP)'), text('REDIS_CLUSTER_ANNOUNCE_PORT', '30001')],
  ],
  'bitnami for Valkey': ['CLUSTER_DYNAMIC_IPS', [], [text('VALKEY_CLUSTER_DYNAMIC_IPS', 'no')]],
};
for (const [what, [setting, ...args]] of Object.entries(elsewhere))
  t.test(`not the pod's: ${what}`, async (t) => {
    t.equal(announced(...args), setting);
  });
