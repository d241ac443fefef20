/* SPDX-License-Identifier: Apache-2.0 */
#include "compare/memory.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"

#include <dirent.h>

#define PROCESSES_MAX 65536

struct process {
	pid_t pid, parent;
	bool taken;
};

/* "PID (COMM) STATE PPID ...": the name may hold anything, so from its last bracket on. */
static pid_t parent_of(pid_t pid)
{
	auto_free char *path = str_printf("/proc/%d/stat", (int)pid);
	auto_buf struct buf text = { 0 };
	const char *end;
	int parent = 0;

	if (!path || file_read(AT_FDCWD, path, 4096, &text, NULL) < 0)
		return 0;
	end = strrchr(text.data, ')');
	return end && sscanf(end + 1, " %*c %d", &parent) == 1 ? parent : 0;
}

static size_t list(struct process *all)
{
	DIR *proc = opendir("/proc");
	struct dirent *e;
	size_t n = 0;

	while (proc && n < PROCESSES_MAX && (e = readdir(proc))) {
		int pid = atoi(e->d_name);

		if (pid > 0)
			all[n++] =
				(struct process){ .pid = pid, .parent = parent_of(pid) };
	}
	if (proc)
		(void)closedir(proc);
	return n;
}

static double field(pid_t pid, const char *file, const char *key)
{
	auto_free char *path = str_printf("/proc/%d/%s", (int)pid, file);
	auto_buf struct buf text = { 0 };
	const char *at;

	if (!path || file_read(AT_FDCWD, path, 16384, &text, NULL) < 0 || !text.data)
		return -1;
	at = strstr(text.data, key);
	return at ? (double)strtoul(at + strlen(key), NULL, 10) : -1;
}

static double weigh(pid_t pid, bool *at_most)
{
	double kib = field(pid, "smaps_rollup", "\nPss:");

	if (kib >= 0)
		return kib;
	kib = field(pid, "status", "\nVmRSS:");
	if (kib > 0)
		*at_most = true;
	return kib > 0 ? kib : 0;
}

static bool is_root(pid_t pid, const pid_t *roots, size_t n)
{
	while (n--)
		if (roots[n] == pid)
			return true;
	return false;
}

static bool parent_taken(const struct process *all, size_t n, pid_t parent)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].pid == parent)
			return all[i].taken;
	return false;
}

double memory_of(const pid_t *roots, size_t roots_n, bool *at_most)
{
	auto_free struct process *all = calloc(PROCESSES_MAX, sizeof(*all));
	size_t n = all ? list(all) : 0;
	bool more = true;
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		all[i].taken = is_root(all[i].pid, roots, roots_n);
	/* a generation each time */
	while (more) {
		more = false;
		for (size_t i = 0; i < n; i++)
			if (!all[i].taken && parent_taken(all, n, all[i].parent))
				more = all[i].taken = true;
	}
	for (size_t i = 0; i < n; i++)
		if (all[i].taken)
			sum += weigh(all[i].pid, at_most);
	return sum;
}
