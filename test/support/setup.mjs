// Makes a fresh machine ready: `node test/support/setup.mjs node-modules redis-server`.
// Plain JavaScript, because it runs before node_modules (and with it Node 24) is there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const steps = { 'node-modules': nodeModules, 'redis-server': redisServer };

for (const name of process.argv.slice(2)) steps[name]();

/** Installs what package-lock.json says, once per content of that file. */
function nodeModules() {
  const marker = 'node_modules/.installed-for';
  const wanted = createHash('sha256').update(readFileSync('package-lock.json')).digest('hex');
  if (existsSync(marker) && readFileSync(marker, 'utf8') === wanted) return;
  say('installing the npm packages of package-lock.json (about a minute, once) ...');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(marker, wanted);
}

/** A Redis server on the PATH, from the system's package manager where we may use it. */
function redisServer() {
  if (onPath('redis-server') && onPath('redis-cli')) return;
  const install = [
    ['apt-get', 'apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y redis-server'],
    ['dnf', 'dnf -q -y install redis'],
    ['apk', 'apk add --quiet redis'],
    ['brew', 'brew install --quiet redis'],
  ].find(([manager]) => onPath(manager));
  const mayInstall = install?.[0] === 'brew' || process.getuid?.() === 0;
  const asRoot = mayInstall ? [] : ['sudo', '-n'];
  if (install && (mayInstall || spawnSync('sudo', ['-n', 'true']).status === 0)) {
    say(`installing redis-server with ${install[0]} (once) ...`);
    const [command, ...args] = [...asRoot, 'sh', '-c', install[1]];
    spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    if (onPath('redis-server') && onPath('redis-cli')) return;
  }
  say(
    'redis-server and redis-cli are needed: install the package of your system that holds them (redis or redis-server), then run this again.',
  );
  process.exit(69);
}

function onPath(command) {
  return spawnSync('sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;
}

function run(command, args) {
  const { status } = spawnSync(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) {
    say(`${command} ${args.join(' ')} failed with status ${status}: see its messages above.`);
    process.exit(1);
  }
}

function say(sentence) {
  process.stderr.write(`setup: ${sentence}\n`);
}
