/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/out.h"
#include "cli/session.h"
#include "cli/verbs.h"
#include "sandbox/sandbox.h"

struct stats_args {
	bool json;
};

static const struct opt opts[] = {
	OPT(struct stats_args, "json", 0, NULL, json, opt_bool, "as JSON"),
	{ 0 },
};

#define CELL 64

/* What is taken of its memory as its own kernel sees it. */
static void inside_cell(const struct control_reply *r, char out[CELL])
{
	char used[STR_SIZE_MAX], all[STR_SIZE_MAX];
	uint64_t taken = r->guest_memory > r->guest_available
		? r->guest_memory - r->guest_available
		: 0;

	if (r->guest_memory)
		(void)snprintf(out, CELL, "%s of %s", str_from_size(taken, used),
			str_from_size(r->guest_memory, all));
}

static void net_cell(const struct control_reply *r, char out[CELL])
{
	char in[STR_SIZE_MAX], sent[STR_SIZE_MAX];

	if (r->net_in || r->net_out)
		(void)snprintf(out, CELL, "%s in, %s out", str_from_size(r->net_in, in),
			str_from_size(r->net_out, sent));
}

static int table_row(struct out_table *t, const char *name, const struct control_reply *r)
{
	char mem[STR_SIZE_MAX], limit[STR_SIZE_MAX], memory[64], cpu[32], pids[32];
	char inside[CELL] = "-", net[CELL] = "-";

	(void)snprintf(memory, sizeof(memory), "%s%s%s", str_from_size(r->memory, mem),
		r->memory_limit ? " of " : "",
		r->memory_limit ? str_from_size(r->memory_limit, limit) : "");
	(void)snprintf(cpu, sizeof(cpu), "%.2f s", (double)r->cpu_ns / 1e9);
	if (r->pids_limit)
		(void)snprintf(pids, sizeof(pids), "%llu of %llu",
			(unsigned long long)r->pids, (unsigned long long)r->pids_limit);
	else
		(void)snprintf(pids, sizeof(pids), "%llu", (unsigned long long)r->pids);
	inside_cell(r, inside);
	net_cell(r, net);
	return out_table_add(
		t, (const char *const[]){ name, cpu, memory, pids, inside, net });
}

/* What only one with a kernel of its own has. */
static int json_guest(struct json *j, const struct control_reply *r)
{
	(void)json_add(j, "guest_memory", json_new_uint(r->guest_memory));
	(void)json_add(j, "guest_memory_free", json_new_uint(r->guest_free));
	(void)json_add(j, "guest_memory_available", json_new_uint(r->guest_available));
	(void)json_add(j, "guest_memory_cached", json_new_uint(r->guest_cached));
	(void)json_add(j, "guest_memory_returned", json_new_uint(r->guest_returned));
	(void)json_add(j, "guest_cpu_ns", json_new_uint(r->guest_cpu_ns));
	(void)json_add(j, "guest_processes", json_new_uint(r->guest_processes));
	(void)json_add(j, "net_in", json_new_uint(r->net_in));
	return json_add(j, "net_out", json_new_uint(r->net_out));
}

static int json_row(struct json *all, const char *name, const struct control_reply *r)
{
	struct json *j = json_new_object();

	if (json_append(all, j) < 0)
		return -ENOMEM;
	(void)json_add_str(j, "name", name);
	(void)json_add(j, "cpu_ns", json_new_uint(r->cpu_ns));
	(void)json_add(j, "memory", json_new_uint(r->memory));
	(void)json_add(j, "memory_peak", json_new_uint(r->memory_peak));
	(void)json_add(j, "memory_limit", json_new_uint(r->memory_limit));
	(void)json_add(j, "pids", json_new_uint(r->pids));
	(void)json_add(j, "pids_limit", json_new_uint(r->pids_limit));
	(void)json_add(j, "oom_kills", json_new_uint(r->oom_kills));
	return r->guest_memory || r->guest_processes ? json_guest(j, r) : 0;
}

static int add(const char *name, bool given, const struct stats_args *a,
	struct out_table *t, struct json *all, struct err *e)
{
	struct control_request q = { .verb = CONTROL_STATS };
	struct control_reply reply;
	int r = session_ask_name(name, &q, &reply, e);

	if (r < 0)
		return given ? r : 0; /* it ended since it was listed */
	r = a->json ? json_row(all, name, &reply) : table_row(t, name, &reply);
	json_struct_clear(&control_reply_schema, &reply);
	return r < 0 ? err_set(e, ENOMEM, "out of memory") : 0;
}

static int run(const struct invocation *inv, struct err *e)
{
	static const char *const heads[] = { "NAME", "CPU", "MEMORY", "PROCESSES",
		"INSIDE", "NETWORK" };
	const struct stats_args *a = inv->args;
	auto_strv struct strv names = { 0 };
	auto_json struct json *all = json_new_array();
	struct out_table *t = out_table_new(heads, 6);
	bool given = inv->words.n > 0;
	int r = given ? strv_add_all(&names, inv->words.v) : sandbox_names(&names, e);

	for (size_t i = 0; i < names.n && r == 0; i++)
		r = add(names.v[i], given, a, t, all, e);
	if (r == 0)
		r = a->json ? out_json(all, e) : out_table_print(t);
	out_table_free(t);
	return r;
}

const struct command verb_stats = {
	.name = "stats",
	.usage = "[--json] [NAME...]",
	.brief = "what running sandboxes use",
	.opts = opts,
	.args_size = sizeof(struct stats_args),
	.words_max = 1024,
	.complete = "@sandbox",
	.run = run,
};
