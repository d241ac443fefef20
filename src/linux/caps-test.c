/* SPDX-License-Identifier: Apache-2.0 */
#include "linux/caps.h"

#include "base/err.h"
#include "base/test.h"
#include "linux/idmap.h"

#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

TEST(names_go_both_ways)
{
	struct err e = { 0 };

	expect(caps_number("CAP_NET_RAW", &e) == CAP_NET_RAW);
	expect(caps_number("net_raw", &e) == CAP_NET_RAW);
	expect_str(caps_name(CAP_CHECKPOINT_RESTORE), "checkpoint_restore");
	expect(!caps_name(63) && caps_number("cap_everything", &e) == -EINVAL);
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++)
		expect(caps_name(cap) && caps_number(caps_name(cap), &e) == (int)cap);
}

TEST(the_default_set_is_dockers_fourteen)
{
	expect(__builtin_popcountll(CAPS_OCI_DEFAULT) == 14);
	expect((CAPS_OCI_DEFAULT & ~CAPS_NSPAWN) == 0);
	expect(!(CAPS_OCI_DEFAULT & CAPS_BIT(CAP_SYS_ADMIN)));
}

/* Have capabilities, in a user namespace if need be. */
static void become_capable(void)
{
	struct err e = { 0 };
	struct idmap m;

	if (geteuid() == 0)
		return;
	expect(idmap_for_caller(&m, &e) == 0);
	if (idmap_enter(&m, &e) < 0)
		test_skip("neither root nor user namespaces");
}

TEST(a_reduced_process_has_lost_the_rest_for_good)
{
	struct err e = { 0 };
	uint64_t had;

	become_capable();
	had = caps_effective();
	expect(had & CAPS_BIT(CAP_SYS_ADMIN));
	expect(caps_reduce(CAPS_OCI_DEFAULT, &e) == 0);
	expect(caps_effective() == (had & CAPS_OCI_DEFAULT));
	expect(prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 0);
	expect(prctl(PR_CAPBSET_READ, CAP_CHOWN, 0, 0, 0) == 1);
	expect(sethostname("x", 1) < 0 && errno == EPERM);
	/* twice is fine; and nothing comes back */
	expect(caps_reduce(CAPS_ALL, &e) == 0);
	expect(caps_effective() == (had & CAPS_OCI_DEFAULT));
	expect(caps_set(&(struct caps){ CAPS_ALL, CAPS_ALL, 0, 0 }, &e) == -EPERM);
}

TEST(nothing_can_be_given_up_as_well)
{
	struct err e = { 0 };

	become_capable();
	expect(caps_reduce(CAPS_NONE, &e) == 0 && caps_effective() == 0);
	expect(caps_no_new_privs(&e) == 0);
	expect(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
}

TEST(ambient_capabilities_can_be_given)
{
	uint64_t one = CAPS_BIT(CAP_NET_BIND_SERVICE);
	struct err e = { 0 };

	become_capable();
	expect(caps_set(&(struct caps){ one, one, one, one }, &e) == 0);
	expect(caps_effective() == one);
	expect(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_BIND_SERVICE, 0, 0) ==
		1);
	expect(caps_set(&(struct caps){ one, one, 0, 0 }, &e) == 0);
	expect(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_BIND_SERVICE, 0, 0) ==
		0);
}
