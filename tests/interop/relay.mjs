// A real relay for both ends: coturn, with a certificate of an authority of its own.

import { spawn, spawnSync } from 'node:child_process';
import { openSync, closeSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Socket, createServer } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';

const USER = 'somebody';
const PASSWORD = 'a word that passes';
const PATIENCE_MS = 30_000; // to start: the machine may be busy

// Why there can be none on this machine; undefined: there can.
export function missingRelay() {
  for (const [program, option] of Object.entries({ turnserver: '--version', openssl: 'version' })) {
    if (spawnSync(program, [option]).error) return `${program} is not installed`;
  }
  return hostAddress() ? undefined : 'there is no address that browsers would use';
}

// Browsers do not use loopback addresses.
function hostAddress() {
  const all = Object.values(networkInterfaces()).flat();
  return all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
}

function freePort(host) {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, host, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function listens(host, port) {
  return new Promise((resolve) => {
    const socket = new Socket();
    const settle = (does) => {
      socket.destroy();
      resolve(does);
    };
    socket.on('connect', () => settle(true)).on('error', () => settle(false)).connect(port, host);
  });
}

function openssl(...options) {
  const { status, stderr } = spawnSync('openssl', options, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${options[0]}: ${stderr}`);
}

// An authority, and a certificate of it for the host.
function certify(folder, host) {
  const [ca, caKey, file, key, request, names] = ['ca.pem', 'ca.key', 'pem', 'key', 'csr', 'names'].map((name) => join(folder, name));
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  writeFileSync(names, `subjectAltName=IP:${host}\n`);
  openssl('req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=authority of a test', '-keyout', caKey, '-out', ca);
  openssl('req', ...newKey, '-subj', '/CN=relay', '-keyout', key, '-out', request);
  openssl('x509', '-req', '-in', request, '-CA', ca, '-CAkey', caKey, '-CAcreateserial', '-days', '2', '-extfile', names, '-out', file);
  return { ca, file, key };
}

export class Relay {
  #folder;
  #process;
  #host;
  #port;
  #tlsPort;
  #authority;

  static async start() {
    const relay = new Relay();
    await relay.#start();
    return relay;
  }

  async #start() {
    this.#folder = mkdtempSync(join(tmpdir(), 'holdfast-relay-'));
    this.#host = hostAddress();
    [this.#port, this.#tlsPort] = [await freePort(this.#host), await freePort(this.#host)];
    const { ca, file, key } = certify(this.#folder, this.#host);
    this.#authority = ca;
    const log = openSync(join(this.#folder, 'log'), 'w');
    const options = {
      'listening-ip': this.#host,
      'relay-ip': this.#host,
      'listening-port': this.#port,
      'tls-listening-port': this.#tlsPort,
      cert: file,
      pkey: key,
      user: `${USER}:${PASSWORD}`,
      realm: 'example.org',
      userdb: join(this.#folder, 'db'),
      pidfile: join(this.#folder, 'pid'),
      'log-file': 'stdout',
    };
    const flags = ['-n', '--no-cli', '--lt-cred-mech', '--relay-threads=1', '--no-dtls'];
    this.#process = spawn('turnserver', [...flags, ...Object.entries(options).map(([name, value]) => `--${name}=${value}`)], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const late = performance.now() + PATIENCE_MS;
    for (const port of [this.#port, this.#tlsPort]) {
      while (!(await listens(this.#host, port))) {
        if (performance.now() > late) throw new Error('coturn does not listen');
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  // kind: 'udp', 'tcp' or 'tls'.
  #uri(kind) {
    if (kind === 'tls') return `turns:${this.#host}:${this.#tlsPort}?transport=tcp`;
    return `turn:${this.#host}:${this.#port}?transport=${kind}`;
  }

  // Options of `holdfast peer`.
  options(kind) {
    const trust = kind === 'tls' ? ['--ca-file', this.#authority] : [];
    return ['--turn', this.#uri(kind), '--turn-user', USER, '--turn-pass', PASSWORD, ...trust];
  }

  // For an RTCConfiguration.
  servers(kind) {
    return [{ urls: this.#uri(kind), username: USER, credential: PASSWORD }];
  }

  // The same server, for nothing but one's own address.
  stun() {
    return [{ urls: `stun:${this.#host}:${this.#port}` }];
  }

  async dispose() {
    const gone = new Promise((resolve) => this.#process.on('close', resolve));
    if (this.#process.exitCode === null && this.#process.kill('SIGKILL')) await gone;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
