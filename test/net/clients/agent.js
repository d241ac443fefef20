// SPDX-License-Identifier: Apache-2.0
// Twenty requests on one kept connection, by https and an agent.
const https = require('https');
const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
let reused = 0;

function once(n) {
	if (n === 20) {
		console.log(`reused ${reused}`);
		agent.destroy();
		return;
	}
	const req = https.get(`${process.argv[2]}?n=${n}`, { agent }, (res) => {
		reused += req.reusedSocket ? 1 : 0;
		if (res.statusCode !== 200)
			process.exit(1);
		res.resume();
		// a turn later, when the agent has it back
		res.on('end', () => setImmediate(once, n + 1));
	});
	req.on('error', (e) => { console.error(e); process.exit(1); });
}
once(0);
