// SPDX-License-Identifier: Apache-2.0
// node --experimental-websocket ws.js URL [SECONDS]: an echo; with SECONDS one a tenth of a second.
const [url, seconds] = process.argv.slice(2);
const ws = new WebSocket(url);
const end = Date.now() + 1000 * (seconds || 0);
let n = 0;

ws.onopen = () => ws.send('message 0');
ws.onmessage = (m) => {
	if (m.data !== `message ${n}`)
		process.exit(2);
	console.log(`echo ${n}`);
	n++;
	if (Date.now() < end)
		setTimeout(() => ws.send(`message ${n}`), 100);
	else if (!seconds && n < 5)
		ws.send(`message ${n}`);
	else
		process.exit(0);
};
ws.onclose = () => { console.log('closed'); process.exit(3); };
ws.onerror = () => { console.log('broken'); process.exit(4); };
