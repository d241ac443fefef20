/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roles.h - what keeper, gate, injector and vault say to each other.
 *
 * All in parcels (base/parcel.h). Each role is started with its ends of these sockets at
 * fixed descriptors, and promises once it is set up. Each checks what it is sent as if the
 * sender had been taken over; only the keeper is believed.
 */
#ifndef BRIG_GATE_ROLES_H
#define BRIG_GATE_ROLES_H

/* Descriptors that a role finds open; 0-2 are /dev/null, /dev/null and the keeper's log. */
enum role_fd {
	ROLE_FD_KEEPER = 3,

	GATE_FD_VAULT = 4,
	GATE_FD_INJECTOR = 5,
	GATE_FD_PINS = 6,
	GATE_FD_LISTEN = 7, /* and on: gatens.h has the list */

	INJECTOR_FD_VAULT = 4,
	INJECTOR_FD_GATE = 5,

	VAULT_FD_GATE = 4,
	VAULT_FD_INJECTOR = 5,
};

enum role_message {
	/* keeper → any: the configuration; fds[0] is a memfd of JSON. Comes first, and again
	 * when something changes.
	 *
	 * gate      {"rules":[{"origin":"global","text":"allow ..."},...],
	 *            "open":["api.example.com",...], "servers":["192.0.2.1"],
	 *            "hosts":[{"name":"a","addr":"192.0.2.2"}], "proxy":false, "no_proxy":["b"],
	 *            "ipv6":true}
	 * injector  {"proxy":{"http":"http://...","https":"...","all":"...","no":"a,b"}};
	 *           fds[1] is the bundle of CA certificates to trust upstream
	 * vault     {"grants":[{"secret":"anthropic","sentinel":"sk-ant-...","hosts":[...]}],
	 *            "ca":"sandbox-dir/trust"}; fds[1]: the store of secrets, fds[2], fds[3]:
	 *            the CA's certificate and its sealed key (vault.h)
	 */
	ROLE_CONFIG = 1,
	/* any → keeper: the configuration is in force (no payload), or was refused (why) */
	ROLE_READY,
	ROLE_REFUSED,
	/* any → keeper: lines for the audit log: one JSON object each, newline between */
	ROLE_EVENTS,

	/* gate → injector: a new exchange socket (exchange.h); fds[0] */
	GATE_EXCHANGE = 16,
	/* gate → injector: connect through the upstream proxy: JSON
	 * {"id":1,"host":"name","port":443,"addrs":["192.0.2.1"]} */
	GATE_DIAL,
	/* injector → gate: {"id":1}, fds[0]: the connection; or {"id":1,"error":"..."} */
	INJECTOR_DIALED,

	/* gate → vault: sign a leaf: the name (or address in text), NUL, the public key
	 * (SubjectPublicKeyInfo, DER) */
	VAULT_SIGN = 32,
	/* vault → gate: the name, NUL, the certificate (DER); the CA's own comes with the
	 * first: name "", NUL, DER */
	VAULT_SIGNED,
	VAULT_NOT_SIGNED, /* the name, NUL, the reason, NUL */

	/* vault → injector: the secrets in force, one parcel each between BEGIN and END:
	 * JSON {"name":"anthropic","sentinel":"...","hosts":["api.anthropic.com"],
	 *       "value":"..."} */
	VAULT_SECRETS_BEGIN = 48,
	VAULT_SECRET,
	VAULT_SECRETS_END,
};

#endif
