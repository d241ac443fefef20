/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp-gen.c - at build time: from tables of system calls to C arrays of BPF.
 *
 *	seccomp-gen CPU-FAMILY OUTPUT.c [--sanitizer]
 *
 * libseccomp tells the number of a call on an architecture; those newer than it are in a
 * table here. A name that neither knows is an error: it would be a typing mistake that
 * shuts out a call, or worse.
 */
#include "linux/seccomp-bpf.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RULES_MAX 4096
#define ERRNO(n)  (SECCOMP_RET_ERRNO | (n))

/* Calls that libseccomp 2.5.4 doesn't know. From 424 on numbers are the same everywhere.
 */
static const struct {
	const char *name;
	uint32_t nr;
	bool only_64; /* x86-64 alone */
} newer[] = {
	{ "uretprobe", 335, true },
	{ "futex_waitv", 449, false },
	{ "cachestat", 451, false },
	{ "fchmodat2", 452, false },
	{ "map_shadow_stack", 453, false },
	{ "futex_wake", 454, false },
	{ "futex_wait", 455, false },
	{ "futex_requeue", 456, false },
	{ "statmount", 457, false },
	{ "listmount", 458, false },
	{ "mseal", 462, false },
	{ "setxattrat", 463, false },
	{ "getxattrat", 464, false },
	{ "listxattrat", 465, false },
	{ "removexattrat", 466, false },
};

/* The last call of Linux 5.17: on the two sides of it a refusal differs, see
 * seccomp-oci.inc */
#define NR_LAST_OLD 450U
#define X32_BIT     0x40000000U
#define X32_LAST    (X32_BIT + 547) /* x32's own numbers end there */

static const struct bpf_default oci_x86_64[] = {
	{ 0, ERRNO(EPERM) },
	{ NR_LAST_OLD + 1, ERRNO(ENOSYS) },
	{ X32_BIT, ERRNO(EPERM) },
	{ X32_LAST + 1, ERRNO(ENOSYS) },
};
static const struct bpf_default oci_other[] = {
	{ 0, ERRNO(EPERM) },
	{ NR_LAST_OLD + 1, ERRNO(ENOSYS) },
};
/* a promise: what is too new for these tables is what a library tries first */
static const struct bpf_default promise_defaults[] = {
	{ 0, SECCOMP_RET_KILL_PROCESS },
	{ NR_LAST_OLD + 1, ERRNO(ENOSYS) },
};

/* a kernel tries what it can get */
static const struct bpf_default sentry_defaults[] = { { 0, ERRNO(EPERM) } };

#define DEFAULTS(t) .oci = (t), .oci_n = sizeof(t) / sizeof((t)[0])

/* what the programs are made for: the native architecture first */
static const struct target {
	const char *family;
	struct {
		uint32_t audit;
		uint32_t scmp[2]; /* two where one audit number has two sets of calls */
		const struct bpf_default *oci;
		unsigned oci_n;
	} arch[2];
} targets[] = {
	{ "x86_64",
		{ { AUDIT_ARCH_X86_64, { SCMP_ARCH_X86_64, SCMP_ARCH_X32 },
			  DEFAULTS(oci_x86_64) },
			{ AUDIT_ARCH_I386, { SCMP_ARCH_X86, 0 },
				DEFAULTS(oci_other) } } },
	{ "aarch64",
		{ { AUDIT_ARCH_AARCH64, { SCMP_ARCH_AARCH64, 0 }, DEFAULTS(oci_other) },
			{ AUDIT_ARCH_ARM, { SCMP_ARCH_ARM, 0 }, DEFAULTS(oci_other) } } },
};

/* a line of a table */
struct line {
	const char *word; /* begins a word, else NULL */
	const char *name;
	uint32_t action;
	struct bpf_cond cond[BPF_CONDS_MAX];
};

#define ALLOW(n) { .name = n, .action = SECCOMP_RET_ALLOW },
#define ALLOW_IF(n, ...) \
	{ .name = n, .action = SECCOMP_RET_ALLOW, .cond = { __VA_ARGS__ } },
#define REFUSE(n, code)      { .name = n, .action = ERRNO(code) },
#define WORD(w)              { .word = w },
#define CALL(n, why)         ALLOW(n)
#define CALL_IF(n, why, ...) ALLOW_IF(n, __VA_ARGS__)
#define PROBE(n, code, why)  REFUSE(n, code)
#define EQUAL(arg, v)                           \
	{                                       \
		BPF_COND_EQ, arg, UINT32_MAX, v \
	}
#define MASKED(arg, m, v)              \
	{                              \
		BPF_COND_EQ, arg, m, v \
	}
#define ZERO64(arg)                        \
	{                                  \
		BPF_COND_ZERO64, arg, 0, 0 \
	}

static const struct line oci_lines[] = {
#include "linux/seccomp-oci.inc"
	{ 0 },
};
static const struct line promise_lines[] = {
#include "linux/promise.inc"
	{ 0 },
};

static const struct line sentry_lines[] = {
#include "linux/seccomp-sentry.inc"
	{ 0 },
};
/* a sentry's kernel at its start and after, trapping its programs' calls or tracing them */
static const struct {
	const char *id, *words;
} sentries[] = {
	{ "sentry_start", "run start" },
	{ "sentry_run", "run" },
	{ "sentry_strict_start", "run start strict" },
	{ "sentry_strict_run", "run strict" },
};
#define SENTRIES (sizeof(sentries) / sizeof(sentries[0]))

static const struct line vmm_lines[] = {
#include "linux/seccomp-vmm.inc"
	{ 0 },
};
static const struct {
	const char *id, *words;
} vmms[] = {
	{ "vmm_main", "common vmm-main" },
	{ "vmm_vcpu", "common vmm-vcpu" },
	{ "vmm_main_files", "common vmm-main files" },
	{ "vmm_vcpu_files", "common vmm-vcpu files" },
};
#define VMMS (sizeof(vmms) / sizeof(vmms[0]))

static const struct {
	const char *id, *name, *words;
} roles[] = {
#define PROMISE_ROLE(id, name, words) { #id, name, words },
#include "linux/promise-roles.inc"
};

static void die(const char *what, const char *name)
{
	(void)fprintf(stderr, "seccomp-gen: %s '%s'\n", what, name);
	exit(1);
}

/* The number of a call, or false where the architecture has none. */
static bool resolve(uint32_t scmp, const char *name, uint32_t *nr)
{
	int n = seccomp_syscall_resolve_name_arch(scmp, name);

	for (size_t i = 0; n == __NR_SCMP_ERROR && i < sizeof(newer) / sizeof(newer[0]);
		i++) {
		if (strcmp(newer[i].name, name) != 0)
			continue;
		if (newer[i].only_64 && scmp != SCMP_ARCH_X86_64)
			return false;
		*nr = newer[i].nr | (scmp == SCMP_ARCH_X32 ? X32_BIT : 0);
		return true;
	}
	if (n == __NR_SCMP_ERROR)
		die("no system call is called", name);
	*nr = (uint32_t)n;
	return n >= 0; /* below -1: a pseudo number, not there on this architecture */
}

static void add_line(struct bpf_arch *a, uint32_t scmp, const struct line *l)
{
	struct bpf_rule *r = &a->rules[a->rules_n];

	if (a->rules_n >= RULES_MAX)
		die("too many rules at", l->name);
	*r = (struct bpf_rule){ .action = l->action, .order = a->rules_n };
	memcpy(r->cond, l->cond, sizeof(r->cond));
	if (resolve(scmp, l->name, &r->nr))
		a->rules_n++;
}

static bool has_word(const char *words, const char *word)
{
	size_t len = strlen(word);

	for (const char *p = words; (p = strstr(p, word)); p += len)
		if ((p == words || p[-1] == ' ') && (p[len] == ' ' || !p[len]))
			return true;
	return false;
}

static void check_words(const char *words)
{
	char text[512], *save = NULL;

	(void)snprintf(text, sizeof(text), "%s", words);
	for (char *w = strtok_r(text, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
		bool known = false;

		for (const struct line *l = promise_lines; l->word || l->name; l++)
			known = known || (l->word && strcmp(l->word, w) == 0);
		if (!known)
			die("no word of a promise is called", w);
	}
}

static void write_program(FILE *out, const char *id, const struct bpf_code *c)
{
	(void)fprintf(out, "\nstatic const struct sock_filter insn_%s[] = {\n", id);
	for (unsigned i = 0; i < c->n; i++)
		(void)fprintf(out, "\t{ 0x%02x, %u, %u, 0x%08x },\n", c->insn[i].code,
			c->insn[i].jt, c->insn[i].jf, c->insn[i].k);
	(void)fputs("};\n", out);
}

static void make(struct bpf_arch *arch, unsigned n, const char *id, FILE *out)
{
	static struct bpf_code code;

	if (bpf_compile(arch, n, &code) < 0)
		die("too long a program for", id);
	write_program(out, id, &code);
}

static void make_oci(
	const struct target *t, struct bpf_rule (*rules)[RULES_MAX], FILE *out)
{
	struct bpf_arch arch[2];

	for (unsigned i = 0; i < 2; i++) {
		arch[i] = (struct bpf_arch){ .audit = t->arch[i].audit,
			.rules = rules[i],
			.defaults = t->arch[i].oci,
			.defaults_n = t->arch[i].oci_n };
		for (unsigned k = 0; k < 2 && t->arch[i].scmp[k]; k++)
			for (const struct line *l = oci_lines; l->name; l++)
				add_line(&arch[i], t->arch[i].scmp[k], l);
	}
	make(arch, 2, "oci", out);
}

/* Our own processes make native calls alone. */
static void make_role(const struct target *t, unsigned role, bool sanitizer,
	struct bpf_rule *rules, FILE *out)
{
	struct bpf_arch arch = {
		.audit = t->arch[0].audit,
		.rules = rules,
		.defaults = promise_defaults,
		.defaults_n = sizeof(promise_defaults) / sizeof(promise_defaults[0]),
	};
	const char *word = "";

	check_words(roles[role].words);
	for (const struct line *l = promise_lines; l->word || l->name; l++) {
		if (l->word)
			word = l->word;
		else if (has_word(roles[role].words, word) ||
			(sanitizer && strcmp(word, "sanitizer") == 0))
			add_line(&arch, t->arch[0].scmp[0], l);
	}
	make(&arch, 1, roles[role].id, out);
}

static void make_sentry(
	const struct target *t, unsigned which, struct bpf_rule *rules, FILE *out)
{
	/* the other architecture's calls are the guest's alone, and none is the kernel's */
	struct bpf_arch arch[2] = {
		{ .audit = t->arch[0].audit,
			.rules = rules,
			.defaults = sentry_defaults,
			.defaults_n = 1 },
		{ .audit = t->arch[1].audit,
			.rules = rules + RULES_MAX - 1,
			.defaults = sentry_defaults,
			.defaults_n = 1 },
	};
	const char *word = "";

	for (const struct line *l = sentry_lines; l->word || l->name; l++) {
		if (l->word)
			word = l->word;
		else if (has_word(sentries[which].words, word))
			add_line(&arch[0], t->arch[0].scmp[0], l);
	}
	make(arch, 2, sentries[which].id, out);
}

/* A call that isn't there ends the VMM: a guest that took it over gets no second try. */
static void make_vmm(const struct target *t, unsigned which, bool sanitizer,
	struct bpf_rule *rules, FILE *out)
{
	struct bpf_arch arch = {
		.audit = t->arch[0].audit,
		.rules = rules,
		.defaults = promise_defaults,
		.defaults_n = sizeof(promise_defaults) / sizeof(promise_defaults[0]),
	};
	const char *word = "";

	for (const struct line *l = vmm_lines; l->word || l->name; l++) {
		if (l->word)
			word = l->word;
		else if (has_word(vmms[which].words, word))
			add_line(&arch, t->arch[0].scmp[0], l);
	}
	for (const struct line *l = promise_lines; sanitizer && (l->word || l->name);
		l++) {
		if (l->word)
			word = l->word;
		else if (strcmp(word, "sanitizer") == 0)
			add_line(&arch, t->arch[0].scmp[0], l);
	}
	make(&arch, 1, vmms[which].id, out);
}

int main(int argc, char **argv)
{
	static struct bpf_rule rules[2][RULES_MAX];
	bool sanitizer = argc > 3 && strcmp(argv[3], "--sanitizer") == 0;
	const struct target *t = NULL;
	FILE *out;

	for (size_t i = 0; argc >= 3 && i < sizeof(targets) / sizeof(targets[0]); i++)
		if (strcmp(targets[i].family, argv[1]) == 0)
			t = &targets[i];
	if (!t)
		die("no filters are made for", argc > 1 ? argv[1] : "");
	out = fopen(argv[2], "we");
	if (!out)
		die("can't write", argv[2]);
	(void)fputs(
		"/* made by seccomp-gen */\n#include \"linux/seccomp-filter.h\"\n", out);
	make_oci(t, rules, out);
	for (unsigned i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		make_role(t, i, sanitizer, rules[0], out);
	for (unsigned i = 0; i < SENTRIES; i++)
		make_sentry(t, i, rules[0], out);
	for (unsigned i = 0; i < VMMS; i++)
		make_vmm(t, i, sanitizer, rules[0], out);
	(void)fputs("\n#define N(a) (unsigned short)(sizeof(a) / sizeof((a)[0]))\n\n"
		    "const struct seccomp_program SECCOMP_OCI_DEFAULT = {\n"
		    "\t\"oci\", insn_oci, N(insn_oci)\n};\n"
		    "const struct seccomp_program seccomp_promises[] = {\n",
		out);
	for (unsigned i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		(void)fprintf(out, "\t{ \"%s\", insn_%s, N(insn_%s) },\n", roles[i].name,
			roles[i].id, roles[i].id);
	(void)fputs("};\nconst struct seccomp_program seccomp_sentries[] = {\n", out);
	for (unsigned i = 0; i < SENTRIES; i++)
		(void)fprintf(out, "\t{ \"%s\", insn_%s, N(insn_%s) },\n", sentries[i].id,
			sentries[i].id, sentries[i].id);
	(void)fputs("};\nconst struct seccomp_program seccomp_vmms[] = {\n", out);
	for (unsigned i = 0; i < VMMS; i++)
		(void)fprintf(out, "\t{ \"%s\", insn_%s, N(insn_%s) },\n", vmms[i].id,
			vmms[i].id, vmms[i].id);
	(void)fputs("};\n", out);
	if (fclose(out) != 0)
		die("can't write", argv[2]);
	return 0;
}
