import t from 'tap';
import { exitCodes } from '../../src/errors.ts';
import { readConfig } from '../../src/webhook/config.ts';

t.test('defaults', (t) => {
  t.same(readConfig({ UPDATER_IMAGE: 'u:1', UNRELATED: 'x' }), {
    UPDATER_IMAGE: 'u:1',
    UPDATER_IMAGE_PULL_SECRETS: '',
    PORT: 8443,
    MANAGEMENT_PORT: 8080,
    DRAIN_SECONDS: 10,
    CA_LIFETIME_SECONDS: 315_360_000,
    SERVING_LIFETIME_SECONDS: 604_800,
    CERTIFICATE_CHECK_SECONDS: 60,
    CERTIFICATE_SETTLE_SECONDS: 60,
    LOG_LEVEL: 'info',
  });
  t.end();
});

t.test('values are converted', (t) => {
  const config = readConfig({
    UPDATER_IMAGE: 'u:1',
    UPDATER_IMAGE_PULL_POLICY: 'Never',
    UPDATER_IMAGE_PULL_SECRETS: 'registry,other.one',
    PORT: '0',
    DRAIN_SECONDS: '0.5',
    LOG_LEVEL: 'debug',
  });
  t.match(config, {
    UPDATER_IMAGE_PULL_POLICY: 'Never',
    UPDATER_IMAGE_PULL_SECRETS: 'registry,other.one',
    PORT: 0,
    DRAIN_SECONDS: 0.5,
    LOG_LEVEL: 'debug',
  });
  t.end();
});

t.test('a bad environment is one sentence that names the variable, and exit code 64', (t) => {
  const table: [Record<string, string>, RegExp][] = [
    [{}, /'UPDATER_IMAGE'/],
    [{ UPDATER_IMAGE: '' }, /UPDATER_IMAGE/],
    [{ UPDATER_IMAGE: 'u', PORT: 'https' }, /PORT must be integer/],
    [{ UPDATER_IMAGE: 'u', PORT: '-1' }, /PORT must be >= 0/],
    [{ UPDATER_IMAGE: 'u', MANAGEMENT_PORT: '65536' }, /MANAGEMENT_PORT must be <= 65535/],
    [{ UPDATER_IMAGE: 'u', DRAIN_SECONDS: 'soon' }, /DRAIN_SECONDS must be number/],
    [{ UPDATER_IMAGE: 'u', CA_LIFETIME_SECONDS: '20', SERVING_LIFETIME_SECONDS: '7' }, /three times/],
    [{ UPDATER_IMAGE: 'u', SERVING_LIFETIME_SECONDS: '0' }, /SERVING_LIFETIME_SECONDS must be > 0/],
    [{ UPDATER_IMAGE: 'u', LOG_LEVEL: 'loud' }, /LOG_LEVEL must be equal to one of/],
    [{ UPDATER_IMAGE: 'u', UPDATER_IMAGE_PULL_POLICY: 'never' }, /UPDATER_IMAGE_PULL_POLICY/],
    [{ UPDATER_IMAGE: 'u', UPDATER_IMAGE_PULL_SECRETS: 'a,,b' }, /UPDATER_IMAGE_PULL_SECRETS/],
    [{ UPDATER_IMAGE: 'u', UPDATER_IMAGE_PULL_SECRETS: 'a, b' }, /UPDATER_IMAGE_PULL_SECRETS/],
  ];
  for (const [env, message] of table) {
    t.throws(() => readConfig(env), { name: 'Failure', exitCode: exitCodes.usage, message });
  }
  t.end();
});
