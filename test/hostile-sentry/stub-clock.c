/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stub-clock.c - the page that clocks are read from: every process has the same one, so a word
 * written into it would be everybody's time.
 */
#include "stub.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

static unsigned long vvar, vvar_end;

static int vvar_find(void)
{
	char line[512];
	FILE *f = fopen("/proc/self/maps", "re");

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, "[vvar]"))
			sscanf(line, "%lx-%lx", &vvar, &vvar_end);
	if (f)
		fclose(f);
	return vvar ? 0 : -1;
}

/* Did @how change the word? Any word serves: the last of the page changes by nobody's hand. */
static void changed(const char *how, uint64_t before)
{
	volatile uint64_t *word = (volatile uint64_t *)(vvar + PAGE - 8);

	if (*word != before)
		escaped("the page of the clock is written by %s", how);
}

static void poke(uint64_t before)
{
	unsigned long word = vvar + PAGE - 8;
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		raise(SIGSTOP);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		return;
	ptrace(PTRACE_POKEDATA, pid, (void *)word, (void *)0x5a5a5a5aL);
	changed("a tracer", before);
	ptrace(PTRACE_KILL, pid, NULL, NULL);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

void trick_clock(void)
{
	unsigned long word, moved;
	uint64_t before, mine = 0x5a5a5a5a;
	struct iovec from = { &mine, 8 }, to;
	int p[2], fd;

	if (vvar_find() < 0)
		return;
	word = vvar + PAGE - 8;
	if (!can_read(word))
		return;
	before = *(volatile uint64_t *)word;
	out->tried = 1;

	if (can_write(word))
		escaped("the page of the clock can be written");
	for (unsigned long at = vvar; at < vvar_end; at += PAGE) {
		if (mprotect((void *)at, PAGE, PROT_READ | PROT_WRITE) == 0)
			escaped("page %lu of the clock's can be made writable",
				(at - vvar) / PAGE);
		/* One for the clock, one for namespaces of times: nothing else is there. */
		if (at > vvar + PAGE && can_read(at))
			escaped("page %lu of the clock's is there", (at - vvar) / PAGE);
	}
	/* The kernel fills less than three quarters of it: the rest is empty */
	for (unsigned long at = vvar + 3072; at < vvar + PAGE; at += 8)
		if (*(volatile uint64_t *)at)
			escaped("something stands in the clock's page at %#lx",
				at - vvar);

	/* The kernel's hand */
	to = (struct iovec){ (void *)word, 8 };
	process_vm_writev(getpid(), &from, 1, &to, 1, 0);
	changed("process_vm_writev()", before);
	if (pipe(p) == 0) {
		if (write(p[1], &mine, 8) == 8 && read(p[0], (void *)word, 8) == 8)
			escaped("read() writes the clock's page");
		changed("read()", before);
	}
	if ((fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC)) >= 0) {
		if (pwrite(fd, &mine, 8, (off_t)word) == 8)
			escaped("/proc/self/mem writes the clock's page");
		changed("/proc/self/mem", before);
		close(fd);
	}
	poke(before);
	madvise((void *)vvar, PAGE, MADV_DONTNEED);
	madvise((void *)vvar, PAGE, 21 /* MADV_PAGEOUT */);
	changed("madvise()", before);

	/* At another place it is the same page, with the same rights, and no longer */
	moved = (unsigned long)mremap((void *)vvar, vvar_end - vvar, vvar_end - vvar,
		MREMAP_MAYMOVE | MREMAP_FIXED, (void *)0x10000000000UL);
	if (moved == (unsigned long)MAP_FAILED)
		return;
	if (mprotect((void *)moved, PAGE, PROT_READ | PROT_WRITE) == 0 ||
		can_write(moved + PAGE - 8))
		escaped("the moved page of the clock can be written");
	if (mremap((void *)moved, vvar_end - vvar, vvar_end - vvar + PAGE,
		    MREMAP_MAYMOVE) != MAP_FAILED)
		escaped("the clock's pages grow");
}
