// SPDX-License-Identifier: Apache-2.0
//
// Probe: watchers of node see files come, change and go
// Expect: container=yes sentry=yes
// Needs: node
// In: workspace tmp
import assert from 'node:assert';
import fs from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

fs.rmSync('watched', { recursive: true, force: true });
fs.mkdirSync('watched/deep', { recursive: true });
const seen = [];
const watchers = ['watched', 'watched/deep'].map((folder) =>
	fs.watch(folder, (type, name) => seen.push(`${type} ${name}`)));

async function sees(what) {
	for (let i = 0; i < 100; i++) {
		if (seen.includes(what))
			return;
		await sleep(50);
	}
	assert.fail(`'${what}' is not among: ${seen.join(', ')}`);
}

fs.writeFileSync('watched/a', 'one');
await sees('rename a');
await sees('change a');
seen.length = 0;
fs.appendFileSync('watched/a', 'two');
await sees('change a');
fs.writeFileSync('watched/deep/b', 'x');
await sees('change b');
fs.mkdirSync('watched/later');
await sees('rename later');
fs.renameSync('watched/a', 'watched/z');
await sees('rename z');
seen.length = 0;
fs.unlinkSync('watched/z');
await sees('rename z');
watchers.forEach((w) => w.close());

// by looking again and again
let polled = 0;
fs.watchFile('watched/deep/b', { interval: 50 }, (now, then) => { polled = now.size; });
await sleep(150);
fs.appendFileSync('watched/deep/b', 'yz');
for (let i = 0; i < 100 && polled !== 3; i++)
	await sleep(50);
fs.unwatchFile('watched/deep/b');
assert.equal(polled, 3);
fs.rmSync('watched', { recursive: true });
