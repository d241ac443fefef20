/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/probe.h"

#include "base/test.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

TEST(every_probe_says_something)
{
	for (const struct probe *p = probes; p->name; p++) {
		struct probe_result r = { 0 };

		expect(probe_run(p, &r) == 0);
		fprintf(stderr, "%-20s %-9s %s%s%s\n", p->name, probe_state_name(r.state),
			r.detail, r.remedy[0] ? " -> " : "", r.remedy);
		expect(r.detail[0] && p->what[0]);
		expect(probe_find(p->name) == p);
	}
	expect(!probe_find("nonsense"));
	/* nobody is left behind */
	expect(waitpid(-1, NULL, 0) < 0 && errno == ECHILD);
}

static void run_dies(struct probe_result *r)
{
	(void)r;
	(void)raise(SIGKILL);
}

TEST(a_probe_that_dies_is_a_missing_thing)
{
	struct probe p = { "dies", "nothing", run_dies };
	struct probe_result r = { 0 };

	expect(probe_run(&p, &r) == 0 && r.state == PROBE_MISSING);
	expect(strstr(r.detail, "killed"));
}
