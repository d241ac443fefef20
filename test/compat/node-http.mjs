// SPDX-License-Identifier: Apache-2.0
//
// Probe: a web server and its clients in node: 200 requests, keep-alive, streams, fetch
// Expect: container=yes sentry=yes
// Needs: node
import assert from 'node:assert';
import { once } from 'node:events';
import http from 'node:http';

const server = http.createServer(async (request, response) => {
	let size = 0;
	for await (const part of request)
		size += part.length;
	response.end(`${request.method} ${request.url} ${size}`);
}).listen(0, '127.0.0.1');
await once(server, 'listening');
const base = `http://127.0.0.1:${server.address().port}`;
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

function get(path) {
	return new Promise((take, fail) => http.get(base + path, { agent }, async (response) => {
		let text = '';
		for await (const part of response)
			text += part;
		take(text);
	}).on('error', fail));
}

const texts = await Promise.all([...Array(200).keys()].map((i) => get(`/${i}`)));
texts.forEach((text, i) => assert.equal(text, `GET /${i} 0`));
const body = 'x'.repeat(3000000);
const answer = await fetch(`${base}/up`, { method: 'POST', body });
assert.equal(await answer.text(), 'POST /up 3000000');
await assert.rejects(fetch('http://127.0.0.1:1/'));
agent.destroy();
server.closeAllConnections();
server.close();
