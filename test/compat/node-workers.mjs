// SPDX-License-Identifier: Apache-2.0
//
// Probe: workers of node: messages, shared memory, Atomics, files by its thread pool
// Expect: container=yes sentry=yes
// Needs: node
import assert from 'node:assert';
import { execFileSync, spawn } from 'node:child_process';
import { promises as fs } from 'node:fs';
import { pbkdf2 } from 'node:crypto';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';

const shared = new Int32Array(new SharedArrayBuffer(8));
const code = `
	const { parentPort, workerData } = require('node:worker_threads');
	for (let i = 0; i < 10000; i++) Atomics.add(workerData, 0, 1);
	Atomics.wait(workerData, 1, 0);
	parentPort.on('message', (n) => { parentPort.postMessage(n * 2); parentPort.close(); });`;
const workers = [0, 1, 2, 3].map(() => new Worker(code, { eval: true, workerData: shared }));
const answers = workers.map((w, i) => new Promise((take, fail) => {
	w.on('message', take).on('error', fail);
	w.postMessage(i);
}));
setTimeout(() => { Atomics.store(shared, 1, 1); Atomics.notify(shared, 1); }, 100);
assert.deepEqual(await Promise.all(answers), [0, 2, 4, 6]);
await Promise.all(workers.map((w) => w.terminate()));
assert.equal(shared[0], 40000);

await Promise.all([...Array(50).keys()].map((i) => fs.writeFile(`file-${i}`, `${i}`)));
assert.equal((await Promise.all([...Array(50).keys()].map((i) => fs.readFile(`file-${i}`, 'utf8'))))
	.map(Number).reduce((a, b) => a + b), 1225);
await Promise.all([...Array(50).keys()].map((i) => fs.unlink(`file-${i}`)));
const keys = await Promise.all([1, 2, 3, 4, 5, 6].map(() =>
	promisify(pbkdf2)('a', 'b', 20000, 16, 'sha256')));
assert(keys.every((k) => k.equals(keys[0])));
assert.equal(execFileSync('sh', ['-c', 'cat; echo two'], { input: 'one\n' }).toString(), 'one\ntwo\n');
const child = spawn(process.execPath, ['-e', 'process.on("message", (m) => process.send(m + 1, () => process.exit(3)))'],
	{ stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
child.send(41);
const [answer, status] = await Promise.all([new Promise((t) => child.on('message', t)), new Promise((t) => child.on('exit', t))]);
assert.deepEqual([answer, status], [42, 3]);
