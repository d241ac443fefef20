/* SPDX-License-Identifier: Apache-2.0 */
/* brig-vault serve, driven by what a keeper, a gate and an injector send. */
#include "gate/vault/vault-serve.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/json.h"
#include "base/parcel.h"
#include "base/str.h"
#include "base/test.h"
#include "gate/roles.h"
#include "gate/vault/vault-ca.h"
#include "gate/vault/vault-store.h"
#include "gate/vault/vault-verbs.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#define WAIT_MS 10000
#define VALUE   "sk-ant-api03-the-real-\"one\""

static char home[] = "/tmp/brig-serve-test.XXXXXX";
static struct parcel got;

struct vault {
	pid_t pid;
	int keeper, gate, injector; /* our ends */
};

static void store_secret(const char *name, const char *host, const char *value)
{
	struct vault_options o = { 0 };
	auto_buf struct buf out = { 0 };
	struct err e = { 0 };
	int fds[2];

	expect(strv_add(&o.hosts, host) == 0 && strv_add(&o.env, "A_KEY") == 0);
	expect(pipe(fds) == 0);
	expect(file_write_all(fds[1], value, strlen(value)) == 0);
	(void)close(fds[1]);
	expect(vault_verb_set(name, &o, fds[0], &out, &e) == 0);
	(void)close(fds[0]);
	strv_clear(&o.hosts);
	strv_clear(&o.env);
}

static void set_up(void)
{
	auto_free char *trust = NULL;
	struct err e = { 0 };

	expect(mkdtemp(home) && setenv("BRIG_HOME", home, 1) == 0);
	(void)setenv("BRIG_SECRET_KEY", "file", 1);
	(void)signal(SIGPIPE, SIG_IGN);
	expect(vault_crypto_init(&e) == 0);
	store_secret("anthropic", "api.anthropic.com", VALUE);
	trust = str_printf("%s/trust", home);
	expect(vault_verb_mint(trust, &e) == 0);
}

static void run(struct vault *v)
{
	int keeper[2], gate[2], injector[2];
	struct err e = { 0 };

	expect(parcel_pair(keeper, &e) == 0 && parcel_pair(gate, &e) == 0 &&
		parcel_pair(injector, &e) == 0);
	v->pid = fork();
	if (v->pid == 0) {
		int k = fcntl(keeper[1], F_DUPFD, 20), g = fcntl(gate[1], F_DUPFD, 20);
		int i = fcntl(injector[1], F_DUPFD, 20);

		(void)dup2(k, ROLE_FD_KEEPER);
		(void)dup2(g, VAULT_FD_GATE);
		(void)dup2(i, VAULT_FD_INJECTOR);
		(void)close_range(6, ~0U, 0);
		(void)execl(BRIG_VAULT, "brig-vault", "serve", (char *)NULL);
		_exit(127);
	}
	(void)close(keeper[1]);
	(void)close(gate[1]);
	(void)close(injector[1]);
	v->keeper = keeper[0];
	v->gate = gate[0];
	v->injector = injector[0];
}

static int open_file(const char *below)
{
	auto_free char *path = str_printf("%s/%s", home, below);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	expect(fd >= 0);
	return fd;
}

static void configure(const struct vault *v, const char *config)
{
	struct err e = { 0 };
	struct parcel p = { .type = ROLE_CONFIG, .fds_n = 4 };

	p.fds[0] = parcel_memfd("config", config, strlen(config), &e);
	p.fds[1] = open_file("data/secrets/store.json");
	p.fds[2] = open_file("trust/ca.pem");
	p.fds[3] = open_file("trust/ca.key");
	expect(parcel_send_fds(v->keeper, &p) == 0);
	parcel_close_fds(&p);
}

/* The next message's type; 0 at the end. */
static uint32_t next(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };
	int r;

	expect(poll(&p, 1, WAIT_MS) == 1);
	r = parcel_recv(fd, &got);
	expect(r >= 0);
	return r ? got.type : 0;
}

static void ask(const struct vault *v, const char *name)
{
	auto_buf struct buf out = { 0 };
	unsigned char *der = NULL;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	int len = i2d_PUBKEY(key, &der);

	expect(len > 0 && buf_add(&out, name, strlen(name) + 1) == 0 &&
		buf_add(&out, der, (size_t)len) == 0);
	expect(parcel_send(v->gate, VAULT_SIGN, out.data, out.len) == 0);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
}

static void end(struct vault *v, int want)
{
	int status;

	(void)close(v->keeper);
	expect(waitpid(v->pid, &status, 0) == v->pid);
	expect(WIFEXITED(status) && WEXITSTATUS(status) == want);
	(void)file_remove_tree(AT_FDCWD, home, NULL);
}

#define GRANT(secret, hosts)                            \
	"{\"grants\":[{\"secret\":\"" secret "\","      \
	"\"sentinel\":\"sk-ant-api03-AAAAAAAAAAAAAA\"," \
	"\"hosts\":[" hosts "]}],\"sandbox\":\"web\",\"ca\":\"x\"}"

static void expect_secret(const struct vault *v, const char *value)
{
	auto_json struct json *j = NULL;
	struct err e = { 0 };

	expect(next(v->injector) == VAULT_SECRETS_BEGIN);
	expect(next(v->injector) == VAULT_SECRET);
	expect(json_parse(got.data, got.len, "secret", &j, &e) == 0);
	expect_str(json_get_str(j, "value"), value);
	expect_str(json_get_str(j, "name"), "anthropic");
	expect_str(json_str(json_at(json_get(j, "hosts"), 0)), "api.anthropic.com");
	expect(json_len(json_get(j, "hosts")) == 1);
	expect(next(v->injector) == VAULT_SECRETS_END);
}

TEST(a_granted_secret_goes_to_the_injector_and_nobody_else)
{
	struct vault v;

	set_up();
	run(&v);
	configure(&v, GRANT("anthropic", ""));
	expect_secret(&v, VALUE);
	expect(next(v.keeper) == ROLE_READY && got.len == 0);
	expect(next(v.gate) == VAULT_SIGNED && ((const char *)got.data)[0] == '\0');
	end(&v, 0);
}

TEST(leaves_are_signed_by_the_ca_of_the_sandbox)
{
	const unsigned char *at;
	X509 *ca, *leaf;
	struct vault v;

	set_up();
	run(&v);
	configure(&v, GRANT("anthropic", ""));
	expect(next(v.gate) == VAULT_SIGNED);
	at = (const unsigned char *)got.data + 1;
	ca = d2i_X509(NULL, &at, (long)got.len - 1);
	ask(&v, "api.example.com");
	expect(next(v.gate) == VAULT_SIGNED);
	expect_str((const char *)got.data, "api.example.com");
	at = (const unsigned char *)got.data + 16;
	leaf = d2i_X509(NULL, &at, (long)got.len - 16);
	expect(ca && leaf && X509_verify(leaf, X509_get0_pubkey(ca)) == 1);
	expect(X509_check_host(leaf, "api.example.com", 0, 0, NULL) == 1);
	ask(&v, "*.com");
	expect(next(v.gate) == VAULT_NOT_SIGNED);
	/* many at once: none is lost */
	for (int i = 0; i < 100; i++)
		ask(&v, "b.example.com");
	for (int i = 0; i < 100; i++)
		expect(next(v.gate) == VAULT_SIGNED);
	X509_free(ca);
	X509_free(leaf);
	end(&v, 0);
}

TEST(a_rotated_value_replaces_the_old_one_live)
{
	struct vault v;

	set_up();
	run(&v);
	configure(&v, GRANT("anthropic", ""));
	expect_secret(&v, VALUE);
	expect(next(v.keeper) == ROLE_READY);
	store_secret("anthropic", "api.anthropic.com", "another-value");
	configure(&v, GRANT("anthropic", "\"api.anthropic.com\",\"evil.org\""));
	expect_secret(&v, "another-value");
	expect(next(v.keeper) == ROLE_READY);
	end(&v, 0);
}

TEST(an_edited_store_is_refused_and_the_old_secrets_stay)
{
	struct vault v;

	set_up();
	run(&v);
	configure(&v, GRANT("anthropic", ""));
	expect_secret(&v, VALUE);
	expect(next(v.keeper) == ROLE_READY);
	auto_free char *edit = str_printf(
		"sed -i s/api.anthropic.com/api.evil.org/ %s/data/secrets/store.json",
		home);

	expect(system(edit) == 0); /* NOLINT: a test's own path */
	configure(&v, GRANT("anthropic", ""));
	expect(next(v.keeper) == ROLE_REFUSED);
	expect(strstr(got.data, "'anthropic'") && !strstr(got.data, "the-real"));
	struct pollfd p = { v.injector, POLLIN, 0 };

	expect(poll(&p, 1, 100) == 0);
	end(&v, 0);
}

TEST(a_secret_that_is_gone_is_left_out_and_told)
{
	struct vault v;

	set_up();
	run(&v);
	configure(&v, GRANT("removed", ""));
	expect(next(v.injector) == VAULT_SECRETS_BEGIN);
	expect(next(v.injector) == VAULT_SECRETS_END);
	expect(next(v.keeper) == ROLE_EVENTS && strstr(got.data, "\"missing\""));
	expect(next(v.keeper) == ROLE_READY);
	end(&v, 0);
}

TEST(nonsense_is_refused_and_ends_nothing)
{
	struct vault v;

	set_up();
	run(&v);
	configure(&v, "{\"grants\":7}");
	expect(next(v.keeper) == ROLE_REFUSED);
	configure(&v, GRANT("anthropic", ""));
	expect_secret(&v, VALUE);
	expect(next(v.keeper) == ROLE_READY);
	end(&v, 0);
}

TEST(a_gate_that_talks_nonsense_ends_the_vault)
{
	struct vault v;
	int status;

	set_up();
	run(&v);
	configure(&v, GRANT("anthropic", ""));
	expect(next(v.keeper) == ROLE_READY);
	expect(parcel_send(v.gate, 77, "x", 1) == 0);
	expect(waitpid(v.pid, &status, 0) == v.pid && WIFEXITED(status));
	(void)file_remove_tree(AT_FDCWD, home, NULL);
}

/* Does any readable memory of the process hold this text? -1: it can't be looked at. */
static int memory_holds(pid_t pid, const char *text)
{
	auto_free char *maps = str_printf("/proc/%d/maps", pid);
	auto_free char *mem = str_printf("/proc/%d/mem", pid);
	auto_fd int fd = open(mem, O_RDONLY | O_CLOEXEC);
	FILE *f = fopen(maps, "re");
	unsigned long from, to;
	char line[512], perms[8];
	int found = fd < 0 || !f ? -1 : 0;

	while (found == 0 && fgets(line, sizeof(line), f)) {
		char *bytes;

		if (sscanf(line, "%lx-%lx %7s", &from, &to, perms) != 3 ||
			perms[0] != 'r' || to - from > (64UL << 20))
			continue;
		bytes = malloc(to - from);
		ssize_t n = pread(fd, bytes, to - from, (off_t)from);

		if (n > 0 && memmem(bytes, (size_t)n, text, strlen(text)))
			found = 1;
		free(bytes);
	}
	if (f)
		(void)fclose(f);
	return found;
}

static pid_t child_of(pid_t pid)
{
	auto_free char *path = str_printf("/proc/%d/task/%d/children", pid, pid);
	FILE *f = fopen(path, "re");
	int child = 0;

	expect(f && fscanf(f, "%d", &child) == 1);
	(void)fclose(f);
	return child;
}

TEST(the_signer_holds_no_secret_and_no_master_key)
{
	struct vault v;
	auto_buf struct buf hex = { 0 };
	struct err e = { 0 };

	set_up();
	run(&v);
	configure(&v, GRANT("anthropic", ""));
	expect(next(v.keeper) == ROLE_READY);
	auto_free char *path = str_printf("%s/data/secrets/key", home);

	expect(file_read(AT_FDCWD, path, 100, &hex, &e) == 0 && hex.len == 64);
	char raw[33] = "";

	for (int i = 0; i < 32; i++) {
		unsigned byte;

		expect(sscanf(hex.data + i * 2, "%2x", &byte) == 1);
		/* text search ends at a zero: as far as that it is the key all the same */
		raw[i] = (char)byte;
	}
	if (memory_holds(child_of(v.pid), "the-real") < 0)
		test_skip("no permission to look into the vault's memory");
	expect(strlen(raw) < 6 || memory_holds(v.pid, raw) == 1);
	expect(memory_holds(child_of(v.pid), "the-real") == 0);
	expect(strlen(raw) < 6 || memory_holds(child_of(v.pid), raw) == 0);
	expect(memory_holds(child_of(v.pid), hex.data) == 0);
	/* nor does the key holder keep what it has handed over */
	expect(memory_holds(v.pid, "the-real") == 0);
	end(&v, 0);
}
