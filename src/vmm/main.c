/* SPDX-License-Identifier: Apache-2.0 */
/*
 * brig-vmm - one microVM: runs a guest on KVM until its end.
 *
 *	brig-vmm kvm=N {kernel=N [initrd=N] cmdline=WORDS | state=N apart=N} memory=BYTES cpus=N
 *		[memory-file=N] [copied=TIME] [console=N]
 *		[root=N] [stream=N] [net=N] [disk=N[:ro]]... [remote=N]
 *		[net-rate=N[:BURST]] [net-ops=N[:BURST]] [disk-rate=N[:BURST]] [disk-ops=N[:BURST]]
 *
 * Rates are bytes, and frames or requests, a second: of the network in each direction, of each
 * disk in both together. 'remote' is where it is told to pause (remote.h). 'memory-file' is what
 * the guest's memory is to be in; 'apart' holds what a machine's was when 'state' was written,
 * and is only read; layers of the root were copied at that time, or since (fuse.h).
 *
 * Should:   own nothing but the descriptors that it inherits and that are named here, and run
 *           in the jail that it was executed in.
 * Mustn't:  open, connect or listen anywhere; trust a byte of the guest.
 *
 * It ends with 0 when the guest was switched off, 3 when it started anew or its CPU gave up,
 * 1 when the machine can't go on, 2 when it was called wrongly; reasons are on descriptor 2.
 */
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "vmm/devices.h"
#include "vmm/jail.h"
#include "vmm/machine.h"
#include "vmm/remote.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>

enum { EXIT_OFF = 0, EXIT_ERROR = 1, EXIT_USAGE = 2, EXIT_RESET = 3 };

#define FD_MAX    65536U
#define READ_STEP (256U << 10)

struct words {
	int kvm;
	struct load load;
	struct machine_options machine;
	struct devices devices;
	struct remote remote;
	int state; /* -1: it starts from a kernel */
};

/* A descriptor that was inherited; it goes to no one else. */
static int take_descriptor(const char *text, int *ret, struct err *e)
{
	uint64_t n;
	int r = str_to_uint(text, FD_MAX, "a descriptor", &n, e);

	if (r < 0)
		return r;
	if (fcntl((int)n, F_SETFD, FD_CLOEXEC) < 0)
		return err_sys(e, "descriptor %s", text);
	*ret = (int)n;
	return 0;
}

static int take_disk(struct devices *d, const char *text, struct err *e)
{
	auto_free char *number = strdup(text);
	char *colon = number ? strchr(number, ':') : NULL;

	if (!number)
		return err_set(e, ENOMEM, "out of memory");
	if (d->disks_n >= DEVICES_DISKS_MAX)
		return err_set(e, E2BIG, "more than %u disks", DEVICES_DISKS_MAX);
	if (colon && !str_eq(colon, ":ro"))
		return err_set(e, EINVAL, "a disk is N or N:ro, and not '%s'", text);
	if (colon)
		*colon = '\0';
	d->disk[d->disks_n].read_only = colon;
	return take_descriptor(number, &d->disk[d->disks_n++].fd, e);
}

static int take_rate(const char *text, struct ratelimit_rate *ret, struct err *e)
{
	auto_free char *number = strdup(text);
	char *colon = number ? strchr(number, ':') : NULL;
	int r;

	if (!number)
		return err_set(e, ENOMEM, "out of memory");
	if (colon)
		*colon = '\0';
	r = str_to_uint(number, RATELIMIT_MAX, "a rate", &ret->per_second, e);
	if (r == 0 && colon)
		r = str_to_uint(colon + 1, RATELIMIT_MAX, "a burst", &ret->burst, e);
	return r;
}

static int take_word(struct words *w, const char *name, const char *value, struct err *e)
{
	const struct {
		const char *name;
		int *fd;
	} descriptors[] = { { "kvm", &w->kvm }, { "kernel", &w->load.kernel },
		{ "initrd", &w->load.initrd }, { "console", &w->machine.console },
		{ "root", &w->devices.root }, { "stream", &w->devices.stream },
		{ "net", &w->devices.net }, { "remote", &w->remote.fd },
		{ "state", &w->state } };
	const struct {
		const char *name;
		enum machine_memory kind;
	} memories[] = { { "memory-file", MACHINE_MEMORY_FILE },
		{ "apart", MACHINE_MEMORY_APART } };
	const struct {
		const char *name;
		struct ratelimit_rate *rate;
	} rates[] = { { "net-rate", &w->devices.net_limit.bytes },
		{ "net-ops", &w->devices.net_limit.ops },
		{ "disk-rate", &w->devices.disk_limit.bytes },
		{ "disk-ops", &w->devices.disk_limit.ops } };
	uint64_t cpus = 0, copied = 0;
	int r;

	for (size_t i = 0; i < sizeof(descriptors) / sizeof(descriptors[0]); i++)
		if (str_eq(name, descriptors[i].name))
			return take_descriptor(value, descriptors[i].fd, e);
	for (size_t i = 0; i < sizeof(memories) / sizeof(memories[0]); i++)
		if (str_eq(name, memories[i].name)) {
			w->machine.memory_kind = memories[i].kind;
			return take_descriptor(value, &w->machine.memory_fd, e);
		}
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++)
		if (str_eq(name, rates[i].name))
			return take_rate(value, rates[i].rate, e);
	if (str_eq(name, "disk"))
		return take_disk(&w->devices, value, e);
	if (str_eq(name, "memory"))
		return str_to_uint(value, MEMORY_MAX, "memory", &w->machine.memory, e);
	if (str_eq(name, "cpus")) {
		r = str_to_uint(value, MACHINE_CPUS_MAX, "cpus", &cpus, e);
		w->machine.cpus = w->devices.cpus = (unsigned)cpus;
		return r;
	}
	if (str_eq(name, "copied")) {
		r = str_to_uint(value, INT64_MAX, "a time", &copied, e);
		w->devices.copied = (int64_t)copied;
		return r;
	}
	if (!str_eq(name, "cmdline"))
		return err_set(e, EINVAL, "there is no word '%s'", name);
	w->load.cmdline = value;
	return 0;
}

static int take_words(struct words *w, int argc, char **argv, struct err *e)
{
	*w = (struct words){ .kvm = -1,
		.load = { .kernel = -1, .initrd = -1, .cmdline = "" },
		.machine = { .cpus = 1, .console = -1 },
		.devices = { .root = -1, .stream = -1, .net = -1 },
		.remote = { .fd = -1 },
		.state = -1 };
	for (int i = 1; i < argc; i++) {
		auto_free char *name = strdup(argv[i]);
		char *equals = name ? strchr(name, '=') : NULL;
		int r;

		if (!equals)
			return err_set(e, EINVAL, "'%s' is no NAME=VALUE", argv[i]);
		*equals = '\0';
		r = take_word(w, name, argv[i] + (equals + 1 - name), e);
		if (r < 0)
			return r;
	}
	if (w->kvm < 0 || (w->load.kernel < 0) == (w->state < 0) ||
		w->machine.memory == 0)
		return err_set(e, EINVAL,
			"kvm=, memory= and one of kernel= and state= have to be there");
	if (w->state >= 0 && w->machine.memory_kind != MACHINE_MEMORY_APART)
		return err_set(e, EINVAL, "state= goes with apart=");
	w->machine.kvm = w->kvm;
	return 0;
}

/* What another machine has kept. */
static int restore(struct words *w, struct machine *m, struct err *e)
{
	AUTO(buf_clear) struct buf state = { 0 };
	struct span s;
	ssize_t n;

	do
		n = buf_read(&state, w->state, READ_STEP);
	while (n > 0);
	if (n < 0)
		return err_set(
			e, (int)-n, "read the machine's state: %s", err_text((int)-n));
	s = (struct span){ (const uint8_t *)state.data, state.len };
	return machine_restore(m, &s, e);
}

static int build(struct words *w, struct machine *m, struct err *e)
{
	bool files = w->devices.root >= 0;
	int r = devices_add(m, &w->devices, e);

	if (r == 0)
		r = w->state < 0 ? machine_load(m, &w->load, e) : restore(w, m, e);
	if (r == 0) {
		w->remote.machine = m;
		w->remote.balloon = w->devices.balloon;
		w->remote.net = w->devices.network;
		r = remote_listen(&w->remote, e);
	}
	if (r < 0)
		return r;
	close_auto(&w->load.kernel);
	close_auto(&w->load.initrd);
	close_auto(&w->state);
	(void)close(w->kvm);
	r = jail_process(e);
	r = r < 0 ? r : machine_start(m, files ? jail_vcpu_files : jail_vcpu, e);
	return r < 0 ? r : jail_main(files, e);
}

static int complain(const struct err *e, int status)
{
	char line[sizeof(e->msg) + 16];
	int n = snprintf(line, sizeof(line), "brig-vmm: %s\n", e->msg);

	/* dprintf(3) would ask for memory, and what the descriptor is */
	(void)!write(STDERR_FILENO, line,
		(size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
	return status;
}

int main(int argc, char **argv)
{
	struct err e = { 0 };
	struct machine *m = NULL;
	enum machine_end end = MACHINE_ERROR;
	struct words w;

	if (take_words(&w, argc, argv, &e) < 0)
		return complain(&e, EXIT_USAGE);
	jail_heap();
	/* who reads the console or the stream may go away */
	(void)signal(SIGPIPE, SIG_IGN);
	if (machine_new(&m, &w.machine, &e) < 0 || build(&w, m, &e) < 0)
		_exit(complain(&e, EXIT_ERROR));
	end = machine_run(m, &e);
	machine_flush(m);
	if (end == MACHINE_ERROR)
		_exit(complain(&e, EXIT_ERROR));
	/* the process's end is the machine's: nothing has to be taken down by hand */
	_exit(end == MACHINE_RESET ? EXIT_RESET : EXIT_OFF);
}
