/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/keeper-audit.h"
#include "sandbox/keeper-priv.h"
#include "sandbox/keeper-reload.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/dirs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/loop.h"
#include "base/parcel.h"
#include "base/path.h"
#include "gate/pins.h"
#include "gate/vault/trust.h"
#include "sandbox/grant.h"
#include "sandbox/net-trust.h"
#include "sandbox/starter.h"

#include <poll.h>
#include <sys/mman.h>

/* So many deaths in so long a time, and the network is given up. */
#define DEATHS_MAX   8U
#define DEATHS_NS    (20 * NS_PER_SEC)
#define GOODBYE_MS   500
#define RUN_POOL_FDS 0
/* How often name servers and addresses of the host are looked at while a gate runs. */
#define LOOK_NS (30 * NS_PER_SEC)
/* Inside: an id that no image uses, so that nobody outside has what it maps to. */
#define ROLE_ID 65533

static int start_roles(struct keeper *k, struct err *e);
static void from_role(struct loop_source *src, uint32_t events, void *data);

/* ---- waiting for the first connection */

static void stop_waiting(struct net *n)
{
	for (size_t i = 0; i < GATENS_FDS; i++) {
		loop_source_free(n->wake[i]);
		n->wake[i] = NULL;
	}
}

/* No gate, no network: without its listeners the sandbox's link goes. */
static void give_up(struct keeper *k, const char *why)
{
	stop_waiting(&k->net);
	for (size_t i = 0; i < GATENS_FDS; i++) {
		if (k->run.gate[i] >= 0)
			(void)close(k->run.gate[i]);
		k->run.gate[i] = -1;
	}
	fprintf(stderr, "brig-keeper: the network is off: %s\n", why);
	(void)strv_addf(&k->notes, "its network was switched off: %s", why);
}

static void first_packet(struct loop_source *src, uint32_t events, void *data)
{
	struct keeper *k = data;
	struct err e = { 0 };

	(void)src;
	(void)events;
	stop_waiting(&k->net);
	if (start_roles(k, &e) < 0)
		give_up(k, e.msg);
}

int net_listen(struct keeper *k, struct err *e)
{
	for (size_t i = 0; k->net.on && i < GATENS_FDS; i++) {
		int r = k->run.gate[i] < 0 ? 0
					   : loop_add_fd(k->loop, k->run.gate[i], EPOLLIN,
						     first_packet, k, &k->net.wake[i], e);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- configuration */

static int send_config(struct keeper *k, enum net_role role, const char *text,
	const int *more, struct err *e)
{
	struct net_proc *p = &k->net.proc[role];
	auto_fd int fd = parcel_memfd("config", text, strlen(text), e);
	struct parcel out = { .type = ROLE_CONFIG, .fds = { fd }, .fds_n = 1 };
	int r;

	if (fd < 0)
		return fd;
	for (; more && *more >= 0; more++)
		out.fds[out.fds_n++] = *more;
	r = parcel_send_fds(p->control, &out);
	p->owed += r == 0;
	return r < 0 ? err_set(e, -r, "configure a helper: %s", err_text(-r)) : 0;
}

/* 'changed': only if it isn't what the gate was told last. */
static int config_gate(struct keeper *k, bool changed, struct err *e)
{
	auto_json struct json *j = NULL;
	auto_buf struct buf text = { 0 };
	int r = net_config_gate(&k->sandbox.rec, &k->net.upstream, &j, e);

	if (r == 0 && json_print(j, false, &text) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	if (r < 0 || (changed && str_eq(text.data, k->net.told)))
		return r;
	r = send_config(k, NET_GATE, text.data, NULL, e);
	free(k->net.told);
	k->net.told = r == 0 ? buf_take(&text) : NULL;
	return r;
}

/* A laptop changes networks, a host its addresses; and rules may be edited by hand. */
static void look(struct loop_source *src, void *data)
{
	struct keeper *k = data;
	struct err e = { 0 };

	if (k->net.running && config_gate(k, true, &e) < 0)
		fprintf(stderr, "brig-keeper: %s\n", e.msg);
	loop_timer_arm(src, LOOK_NS);
}

static int config_injector(struct keeper *k, struct err *e)
{
	auto_json struct json *j = NULL;
	auto_buf struct buf text = { 0 };
	const char *bundle =
		k->net.upstream.bundle ? k->net.upstream.bundle : trust_host_bundle();
	auto_fd int roots = open(bundle ? bundle : "/dev/null",
		O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int r = roots < 0 ? err_sys(e, "open the certificates in '%s'", bundle)
			  : net_config_injector(&k->net.upstream, &j, e);

	if (r == 0 && json_print(j, false, &text) < 0)
		r = err_set(e, ENOMEM, "out of memory");
	return r == 0 ? send_config(k, NET_INJECTOR, text.data, (int[]){ roots, -1 }, e)
		      : r;
}

static int config_vault(struct keeper *k, struct err *e)
{
	auto_free char *store = dirs_path_in(DIR_DATA, "secrets/store.json");
	auto_free char *trust = net_trust_path(k);
	auto_free char *text = NULL;
	auto_fd int secrets = -1, cert = -1, key = -1;
	int r;

	if (!store || !trust)
		return err_set(e, ENOMEM, "out of memory");
	secrets = open(store, O_RDONLY | O_CLOEXEC);
	if (secrets < 0)
		secrets = open("/dev/null", O_RDONLY | O_CLOEXEC);
	cert = openat(k->sandbox.dir, TRUST_DIR "/" TRUST_CERT, O_RDONLY | O_CLOEXEC);
	key = openat(k->sandbox.dir, TRUST_KEY, O_RDONLY | O_CLOEXEC);
	if (secrets < 0 || cert < 0 || key < 0)
		return err_sys(e, "open the CA of '%s'", k->sandbox.name);
	r = grants_config(&k->sandbox.rec.grants, k->sandbox.name, trust, &text, e);
	return r == 0
		? send_config(k, NET_VAULT, text, (int[]){ secrets, cert, key, -1 }, e)
		: r;
}

/* ---- the three processes */

static void stop_roles(struct keeper *k)
{
	for (size_t i = 0; i < NET_ROLES; i++) {
		struct net_proc *p = &k->net.proc[i];

		loop_source_free(p->src);
		if (p->control >= 0)
			(void)close(p->control);
		*p = (struct net_proc){ .control = -1 };
	}
	k->net.running = false;
}

struct sockets {
	int keeper[NET_ROLES][2]; /* 0: the keeper's end */
	int gate_vault[2], gate_injector[2], injector_vault[2];
};

static void sockets_close(struct sockets *s)
{
	int(*all)[2] = (int(*)[2])s;

	for (size_t i = 0; i < sizeof(*s) / sizeof(*all); i++)
		for (size_t j = 0; j < 2; j++)
			if (all[i][j] >= 0)
				(void)close(all[i][j]);
}

static int sockets_make(struct sockets *s, struct err *e)
{
	int(*all)[2] = (int(*)[2])s, r = 0;

	memset(s, 0xff, sizeof(*s));
	for (size_t i = 0; r == 0 && i < sizeof(*s) / sizeof(*all); i++)
		r = parcel_pair(all[i], e);
	return r;
}

static int order_roles(struct keeper *k, const struct sockets *s)
{
	struct net *n = &k->net;
	int gate[4 + GATENS_FDS] = { s->keeper[NET_GATE][1], s->gate_vault[0],
		s->gate_injector[0], n->pins };
	const int injector[] = { s->keeper[NET_INJECTOR][1], s->injector_vault[0],
		s->gate_injector[1] };
	const int vault[] = { s->keeper[NET_VAULT][1], s->gate_vault[1],
		s->injector_vault[1] };
	int r;

	memcpy(gate + 4, k->run.gate, sizeof(k->run.gate));
	r = starter_start(n->starter, STARTER_GATE, gate, 4 + GATENS_FDS);
	if (r == 0)
		r = starter_start(n->starter, STARTER_INJECTOR, injector, 3);
	if (r == 0)
		r = starter_start(n->starter, STARTER_VAULT, vault, 3);
	return r;
}

static int start_roles(struct keeper *k, struct err *e)
{
	AUTO(sockets_close) struct sockets s;
	int r = sockets_make(&s, e);

	if (r == 0 && (r = order_roles(k, &s)) < 0)
		(void)err_set(e, -r, "start the gate: %s", err_text(-r));
	for (size_t i = 0; r == 0 && i < NET_ROLES; i++) {
		struct net_proc *p = &k->net.proc[i];

		p->control = take_fd(&s.keeper[i][0]);
		r = loop_add_fd(k->loop, p->control, EPOLLIN, from_role, k, &p->src, e);
	}
	k->net.running = r == 0;
	k->net.used = true;
	if (r == 0)
		r = config_vault(k, e);
	if (r == 0)
		r = config_injector(k, e);
	if (r == 0)
		r = config_gate(k, false, e);
	if (r == 0 && !k->net.look)
		r = loop_add_timer(k->loop, look, k, &k->net.look, e);
	if (r < 0)
		stop_roles(k);
	else
		loop_timer_arm(k->net.look, LOOK_NS);
	return r;
}

/* The answer makes the next one that waits ask, so what was asked is struck off before. */
static void answer_reload(struct keeper *k, int result, const char *why)
{
	bool asked = k->net.reload_asked;

	k->net.reload_asked = false;
	if (asked)
		serve_reload_done(k, result, why);
}

/* All of them are started anew when one dies: their sockets are to each other. */
static void role_died(struct keeper *k, const char *why)
{
	struct net *n = &k->net;
	uint64_t now = clock_mono_ns();
	struct err e = { 0 };

	stop_roles(k);
	answer_reload(k, -EIO, why);
	if (k->ending)
		return;
	fprintf(stderr, "brig-keeper: %s; started again\n", why);
	if (now - n->since_ns > DEATHS_NS) {
		n->since_ns = now;
		n->deaths = 0;
	}
	if (++n->deaths > DEATHS_MAX)
		give_up(k, "the gate ends again and again (see keeper.log)");
	else if (start_roles(k, &e) < 0)
		give_up(k, e.msg);
}

static void all_ready(struct keeper *k)
{
	for (size_t i = 0; i < NET_ROLES; i++)
		if (k->net.proc[i].owed)
			return;
	answer_reload(k, 0, NULL);
}

static void role_says(struct keeper *k, size_t i, const struct parcel *p)
{
	static const char *const names[] = { "gate", "injector", "vault" };
	struct net_proc *proc = &k->net.proc[i];
	auto_free char *why = NULL;

	if (p->type == ROLE_EVENTS) {
		keeper_events(k, (enum net_role)i, p->data, p->len);
	} else if (!proc->owed) {
		/* one that was taken over may say so for ever, and fills no log with it */
	} else if (p->type == ROLE_READY) {
		proc->owed--;
		all_ready(k);
	} else if (p->type == ROLE_REFUSED) {
		proc->owed--;
		why = str_escape(p->data);
		fprintf(stderr, "brig-keeper: the %s refused its configuration: %s\n",
			names[i], why ? why : "");
		answer_reload(k, -EINVAL, why);
	}
}

static void from_role(struct loop_source *src, uint32_t events, void *data)
{
	static struct parcel p;
	struct keeper *k = data;
	size_t i = 0;
	int r;

	(void)events;
	while (i < NET_ROLES && k->net.proc[i].src != src)
		i++;
	if (i == NET_ROLES)
		return;
	r = parcel_recv(k->net.proc[i].control, &p);
	if (r == -EAGAIN)
		return;
	if (r <= 0) {
		role_died(k,
			i == NET_GATE            ? "the gate ended"
				: i == NET_VAULT ? "the vault ended"
						 : "the injector ended");
		return;
	}
	role_says(k, i, &p);
	parcel_close_fds(&p);
}

int net_reload(struct keeper *k, const char *what, struct err *e)
{
	int r;

	if (!k->net.on || !k->net.running)
		return 0;             /* whoever starts later reads it anew */
	r = config_gate(k, false, e); /* hosts to open come with secrets */
	if (r == 0 && strcmp(what, "secrets") == 0)
		r = config_vault(k, e);
	if (r < 0)
		return r;
	k->net.reload_asked = true;
	return 1;
}

/* ---- up and down */

static int make_pins(struct err *e)
{
	auto_fd int fd = memfd_create("pins", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0 || ftruncate(fd, (off_t)pins_size()) < 0 ||
		fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return err_sys(e, "make the table of names");
	return take_fd(&fd);
}

static int spawn_starter(const struct keeper *k, struct err *e)
{
	uid_t uid = geteuid();
	gid_t gid = getegid();

	/* of this sandbox's own range, which its processes share with nobody outside: another
	 * program of the host's could signal and trace what has its user */
	if (k->ids.root &&
		(!idmap_outside_uid(&k->ids, ROLE_ID, &uid) ||
			!idmap_outside_gid(&k->ids, ROLE_ID, &gid)))
		return err_set(e, EINVAL, "the id map has no id %d", ROLE_ID);
	return starter_spawn(uid, gid, e);
}

/* Whom to trust upstream is not for the sandbox to say. */
static int check_bundle(const struct keeper *k, struct err *e)
{
	const char *bundle = k->net.upstream.bundle;
	auto_free char *real = bundle ? realpath(bundle, NULL) : NULL;

	if (!bundle)
		return 0;
	if (!real) {
		(void)err_sys(e, "the certificates in SSL_CERT_FILE, '%s'", bundle);
		err_hint(e, "name a file of certificates (PEM) there, or unset it");
		return -e->code;
	}
	for (size_t i = 0; i < k->sandbox.rec.mounts.n; i++) {
		const struct mount_spec *m = record_mount(&k->sandbox.rec, i);

		if (m->mode != MOUNT_RW || !path_beneath(real, m->src))
			continue;
		(void)err_set(e, EPERM,
			"'%s' (SSL_CERT_FILE) can be written by the sandbox", real);
		err_hint(e, "keep it out of '%s', or show that :ro or :overlay", m->src);
		return -EPERM;
	}
	return 0;
}

int net_up(struct keeper *k, struct err *e)
{
	struct net *n = &k->net;
	const char *net = k->sandbox.rec.net;
	int r;

	n->on = k->wall->own_net && strcmp(net, "none") != 0;
	if (!n->on)
		return 0;
	r = net_upstream_from_env(&n->upstream, e);
	if (r == 0)
		r = check_bundle(k, e);
	if (r == 0)
		r = net_trust_make(
			k->sandbox.path, k->sandbox.dir, n->upstream.bundle, e);
	if (r < 0)
		return r;
	n->pins = make_pins(e);
	if (n->pins < 0)
		return n->pins;
	n->starter = spawn_starter(k, e);
	if (n->starter < 0)
		return n->starter;
	/* the next sandbox finds a CA of its own ready */
	if (trust_spares(NULL) == 0)
		(void)starter_start(n->starter, STARTER_POOL, NULL, RUN_POOL_FDS);
	return 0;
}

/* What the gate has still to say of the last second. */
static void last_words(struct keeper *k)
{
	static struct parcel p;
	struct net_proc *gate = &k->net.proc[NET_GATE];
	struct pollfd pfd = { .fd = gate->control, .events = POLLIN };
	uint64_t end = clock_mono_ns() + GOODBYE_MS * NS_PER_MS;

	if (gate->control < 0)
		return;
	(void)shutdown(gate->control, SHUT_WR);
	while (clock_mono_ns() < end && poll(&pfd, 1, GOODBYE_MS) == 1) {
		int r = parcel_recv(gate->control, &p);

		if (r <= 0 && r != -EAGAIN)
			return;
		if (r > 0 && p.type == ROLE_EVENTS)
			keeper_events(k, NET_GATE, p.data, p.len);
		if (r > 0)
			parcel_close_fds(&p);
	}
}

int net_down(struct keeper *k)
{
	struct net *n = &k->net;

	stop_waiting(n);
	last_words(k);
	stop_roles(k);
	/* one that was made with other roots than the host's is not for others */
	if (n->on && !n->used && k->sandbox.rec.rm && !k->keep && !n->upstream.bundle)
		net_trust_give_back(k->sandbox.path, k->sandbox.dir, k->sandbox.rec.id);
	if (n->starter >= 0)
		(void)close(n->starter);
	if (n->pins >= 0)
		(void)close(n->pins);
	loop_source_free(n->look);
	n->look = NULL;
	free(n->told);
	n->told = NULL;
	net_upstream_clear(&n->upstream);
	n->starter = n->pins = -1;
	n->on = false;
	return 0;
}

char *net_trust_path(const struct keeper *k)
{
	return path_join(k->sandbox.path, TRUST_DIR);
}
