/* SPDX-License-Identifier: Apache-2.0 */
#include "guest/warder-peer.h"

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/test.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define PASSWD                                 \
	"root:x:0:0:root:/root:/bin/sh\n"      \
	"ann:x:1000:1001:Ann:/tmp:/bin/bash\n" \
	"nobody:x:65534:65534::/:/bin/false\n"
#define GROUP "root:x:0:\nann:x:1001:\nstaff:x:50:ann\n"

static void put_text(const char *path, const char *text)
{
	struct err e;

	if (file_replace(AT_FDCWD, path, text, strlen(text), 0644, 0, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		exit(1);
	}
}

static void bind_tree(const char *from, const char *to)
{
	struct stat st;

	if (lstat(from, &st) < 0)
		return;
	if (S_ISLNK(st.st_mode)) {
		char target[256] = "";

		expect(readlink(from, target, sizeof(target) - 1) > 0);
		expect(symlink(target, to) == 0);
		return;
	}
	if (S_ISDIR(st.st_mode))
		expect(mkdir(to, 0755) == 0);
	else
		put_text(to, "");
	expect(mount(from, to, NULL, MS_BIND | MS_REC, NULL) == 0);
}

static void make_root(void)
{
	static const char *const dirs[] = { "/usr", "/bin", "/sbin", "/lib", "/lib64" };
	char to[64];

	expect(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	expect(mount("none", "/mnt", "tmpfs", 0, "mode=755") == 0);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		(void)snprintf(to, sizeof(to), "/mnt%s", dirs[i]);
		bind_tree(dirs[i], to);
	}
	expect(mkdir("/mnt/etc", 0755) == 0 && mkdir("/mnt/dev", 0755) == 0);
	expect(mkdir("/mnt/tmp", 0777) == 0 && chmod("/mnt/tmp", 01777) == 0);
	expect(mkdir("/mnt/secret", 0700) == 0);
	put_text("/mnt/etc/passwd", PASSWD);
	put_text("/mnt/etc/group", GROUP);
	put_text("/mnt/tmp/not-executable", "no\n");
	bind_tree("/dev/null", "/mnt/dev/null");
	expect(mkdir("/mnt/dev/pts", 0755) == 0 && mkdir("/mnt/proc", 0755) == 0);
	expect(mount("devpts", "/mnt/dev/pts", "devpts", 0,
		       "newinstance,ptmxmode=0666,mode=620") == 0);
	expect(symlink("pts/ptmx", "/mnt/dev/ptmx") == 0);
	expect(mount("proc", "/mnt/proc", "proc", 0, NULL) == 0);
	expect(chroot("/mnt") == 0 && chdir("/") == 0);
}

static _Noreturn void exec_warder(int fd, int warder, bool reaper)
{
	char number[16], *argv[4] = { (char *)(uintptr_t) "brig-warder" };
	char *env[] = { (char *)(uintptr_t) "SECRET=in-the-environment", NULL };
	int n = 1;

	(void)snprintf(number, sizeof(number), "%d", fd);
	if (reaper)
		argv[n++] = (char *)(uintptr_t) "--reaper";
	argv[n] = number;
	expect(fcntl(fd, F_SETFD, 0) == 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)fexecve(warder, argv, env);
	perror("exec brig-warder");
	_exit(1);
}

static void map_ids(pid_t pid, bool range)
{
	const char *map = range ? "0 0 1\n1 100001 65534\n" : NULL;
	char path[64], one[32];

	(void)snprintf(one, sizeof(one), "0 %u 1\n", (unsigned)getuid());
	if (!range) {
		(void)snprintf(path, sizeof(path), "/proc/%d/setgroups", (int)pid);
		expect(file_poke(AT_FDCWD, path, "deny", NULL) == 0);
	}
	(void)snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)pid);
	expect(file_poke(AT_FDCWD, path, map ? map : one, NULL) == 0);
	(void)snprintf(one, sizeof(one), "0 %u 1\n", (unsigned)getgid());
	(void)snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)pid);
	expect(file_poke(AT_FDCWD, path, map ? map : one, NULL) == 0);
}

static int open_warder(void)
{
	const char *path = getenv("BRIG_WARDER");
	int fd;

	if (!path)
		test_skip("BRIG_WARDER does not name the program to test");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	expect(fd >= 0);
	return fd;
}

/* The child unshares and waits for its ids; its own child is PID 1. */
static _Noreturn void run_namespaces(int fd, int warder, int go)
{
	pid_t pid;
	int status;
	char c;

	if (unshare(CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS) < 0)
		_exit(TEST_SKIP_STATUS);
	expect(write(go, "u", 1) == 1 && read(go, &c, 1) == 1);
	expect(setuid(0) == 0 && setgid(0) == 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	pid = fork();
	if (pid == 0) {
		make_root();
		exec_warder(fd, warder, false);
	}
	(void)close(fd);
	expect(waitpid(pid, &status, 0) == pid);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static struct peer *peer_new(int fd)
{
	struct peer *p = calloc(1, sizeof(*p));

	expect(p);
	wire_init(&p->wire, fd);
	return p;
}

static void wait_ready(struct peer *p)
{
	while (!p->ready) {
		expect(!p->gone);
		peer_serve(p);
	}
}

struct peer *peer_start(void)
{
	auto_fd int warder = open_warder();
	int sv[2], go[2];
	struct peer *p;
	char c;

	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, go) == 0);
	p = peer_new(sv[0]);
	p->has_range = getuid() == 0;
	p->pid = fork();
	if (p->pid == 0) {
		(void)close(sv[0]);
		(void)close(go[0]);
		run_namespaces(sv[1], warder, go[1]);
	}
	(void)close(sv[1]);
	(void)close(go[1]);
	if (read(go[0], &c, 1) != 1)
		test_skip("this user may not make namespaces");
	map_ids(p->pid, p->has_range);
	expect(write(go[0], "m", 1) == 1);
	(void)close(go[0]);
	wait_ready(p);
	return p;
}

/* An ordinary user is root in a user namespace of its own, as behind the chroot wall. */
static void become_root(void)
{
	char map[32];
	uid_t uid = getuid();
	gid_t gid = getgid();

	if (uid == 0)
		return;
	if (unshare(CLONE_NEWUSER) < 0)
		_exit(1);
	expect(file_poke(AT_FDCWD, "/proc/self/setgroups", "deny", NULL) == 0);
	(void)snprintf(map, sizeof(map), "0 %u 1\n", (unsigned)uid);
	expect(file_poke(AT_FDCWD, "/proc/self/uid_map", map, NULL) == 0);
	(void)snprintf(map, sizeof(map), "0 %u 1\n", (unsigned)gid);
	expect(file_poke(AT_FDCWD, "/proc/self/gid_map", map, NULL) == 0);
}

struct peer *peer_start_reaper(void)
{
	auto_fd int warder = open_warder();
	struct peer *p;
	int sv[2];

	expect(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	p = peer_new(sv[0]);
	p->pid = fork();
	if (p->pid == 0) {
		(void)close(sv[0]);
		become_root();
		exec_warder(sv[1], warder, true);
	}
	(void)close(sv[1]);
	wait_ready(p);
	return p;
}

int peer_end(struct peer *p)
{
	int status;

	wire_clear(&p->wire);
	for (int i = 0; i < PEER_CHANNELS; i++) {
		buf_clear(&p->ch[i].out);
		buf_clear(&p->ch[i].err);
	}
	expect(waitpid(p->pid, &status, 0) == p->pid);
	free(p);
	return status;
}

static void on_data(struct peer *p, const struct wire_frame *f)
{
	struct peer_channel *c = &p->ch[f->channel];
	uint32_t give;

	expect(c->started && !(f->flags == GUEST_STDERR ? c->err_eof : c->out_eof));
	expect(guest_window_spend(&c->rx, f->len) == 0);
	c->out_bytes += f->len;
	if (!c->discard)
		expect(buf_add(f->flags == GUEST_STDERR ? &c->err : &c->out, f->data,
			       f->len) == 0);
	if (c->stalled)
		return;
	give = guest_window_passed(&c->rx, f->len);
	if (give)
		peer_send_u32(p, f->channel, GUEST_CREDIT, give);
}

static void on_eof(struct peer_channel *c, uint8_t stream)
{
	c->in_eof |= stream == GUEST_STDIN;
	c->out_eof |= stream == GUEST_STDOUT;
	c->err_eof |= stream == GUEST_STDERR;
}

static void on_frame(struct peer *p, const struct wire_frame *f)
{
	struct peer_channel *c = &p->ch[f->channel % PEER_CHANNELS];
	uint32_t a, b;

	expect(guest_check_from_warder(f) == 0 && f->channel < PEER_CHANNELS);
	switch (f->type) {
	case GUEST_READY:
		expect(guest_pair_decode(f, &a, &b) == 0 && a == GUEST_VERSION);
		p->ready = true;
		break;
	case GUEST_DONE:
		expect(guest_pair_decode(f, &a, &p->done_code) == 0);
		p->done++;
		break;
	case GUEST_STATS:
		expect(guest_stats_decode(f, &p->stats) == 0);
		p->have_stats = true;
		break;
	case GUEST_STARTED:
		expect(guest_u32_decode(f, &c->pid) == 0);
		c->started = true;
		break;
	case GUEST_FAILED:
		expect(guest_failed_decode(f, &c->why) == 0);
		c->failed = true;
		break;
	case GUEST_EXITED:
		expect(c->started && guest_exited_decode(f, &c->how) == 0);
		c->exited = true;
		break;
	case GUEST_DATA: on_data(p, f); break;
	case GUEST_EOF: on_eof(c, f->flags); break;
	case GUEST_CREDIT:
		expect(guest_u32_decode(f, &a) == 0 && guest_window_grow(&c->tx, a) == 0);
		break;
	default: expect(false);
	}
}

void peer_serve(struct peer *p)
{
	struct pollfd pfd = { .fd = p->wire.fd, .events = POLLIN };
	struct wire_frame f;
	int r;

	expect(wire_flush(&p->wire) == 0);
	if (wire_pending(&p->wire))
		pfd.events |= POLLOUT;
	r = poll(&pfd, 1, PEER_WAIT_MS);
	expect(r > 0);
	r = wire_read(&p->wire);
	if (r == 0 || (r < 0 && r != -EAGAIN))
		p->gone = true;
	while ((r = wire_next(&p->wire, &f)) > 0)
		on_frame(p, &f);
	expect(r == 0);
}

void peer_exec(struct peer *p, uint16_t channel, struct guest_exec x)
{
	auto_buf struct buf b = { 0 };
	struct peer_channel *c = &p->ch[channel];
	struct err e;

	buf_clear(&c->out);
	buf_clear(&c->err);
	*c = (struct peer_channel){
		.tx.left = GUEST_WINDOW,
		.rx.left = GUEST_WINDOW,
		.stalled = c->stalled,
		.discard = c->discard,
	};
	if (!x.mask)
		x.mask = GUEST_UMASK_DEFAULT;
	expect(guest_exec_encode(&x, &b, &e) == 0);
	expect(guest_exec_send(&p->wire, channel, &b) == 0);
	expect(wire_flush(&p->wire) == 0);
}

void peer_sh(struct peer *p, uint16_t channel, unsigned flags, const char *script)
{
	char *argv[] = { (char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
		(char *)(uintptr_t)script, NULL };

	peer_exec(p, channel, (struct guest_exec){ .flags = flags, .argv = argv });
}

void peer_input(struct peer *p, uint16_t channel, const void *data, size_t len)
{
	struct peer_channel *c = &p->ch[channel];

	for (size_t at = 0; at < len;) {
		size_t n = len - at < 32768 ? len - at : 32768;
		struct wire_frame f = { .channel = channel, .type = GUEST_DATA };

		while (!c->tx.left || wire_pending(&p->wire) > 1 << 20)
			peer_serve(p);
		f.len = n < c->tx.left ? (uint32_t)n : c->tx.left;
		f.data = (const char *)data + at;
		expect(guest_window_spend(&c->tx, f.len) == 0);
		expect(wire_send(&p->wire, &f) == 0 && wire_flush(&p->wire) == 0);
		at += f.len;
	}
}

void peer_send_u32(struct peer *p, uint16_t channel, enum guest_type type, uint32_t v)
{
	expect(guest_send_u32(&p->wire, channel, type, v) == 0);
	expect(wire_flush(&p->wire) == 0);
}

void peer_send_empty(struct peer *p, uint16_t channel, enum guest_type type)
{
	expect(guest_send_body(&p->wire, channel, type, NULL, 0) == 0);
	expect(wire_flush(&p->wire) == 0);
}

void peer_credit(struct peer *p, uint16_t channel)
{
	struct peer_channel *c = &p->ch[channel];
	uint32_t give = GUEST_WINDOW - c->rx.left;

	c->stalled = false;
	c->rx.left += give;
	peer_send_u32(p, channel, GUEST_CREDIT, give);
}

bool peer_over(const struct peer_channel *c)
{
	return c->failed || (c->exited && c->out_eof && c->err_eof);
}

void peer_wait_over(struct peer *p, uint16_t channel)
{
	while (!peer_over(&p->ch[channel])) {
		expect(!p->gone);
		peer_serve(p);
	}
}

void peer_wait_out(struct peer *p, uint16_t channel, const char *text)
{
	const struct buf *out = &p->ch[channel].out;

	while (!out->data || !strstr(out->data, text)) {
		expect(!p->gone && !peer_over(&p->ch[channel]));
		peer_serve(p);
	}
}

int peer_status(const struct peer_channel *c)
{
	if (c->failed)
		return guest_failed_status(&c->why);
	return WIFEXITED(c->how.status) ? WEXITSTATUS(c->how.status)
					: 128 + WTERMSIG(c->how.status);
}

int peer_run(struct peer *p, uint16_t channel, const char *script)
{
	peer_sh(p, channel, 0, script);
	peer_wait_over(p, channel);
	return peer_status(&p->ch[channel]);
}
