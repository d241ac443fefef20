/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/prove.h"

#include "base/auto.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/test.h"

#include <fcntl.h>

TEST(what_is_no_kvm_proves_nothing)
{
	auto_fd int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct err e = { 0 };

	expect(vmm_prove(fd, &e) == -EOPNOTSUPP);
	expect(strstr(e.msg, "KVM's interface") && e.hint[0]);
}

TEST(a_kvm_is_judged_in_a_bounded_time)
{
	auto_fd int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	uint64_t since = clock_mono_ns();
	struct err e = { 0 };
	int r;

	if (fd < 0)
		test_skip("no /dev/kvm");
	r = vmm_prove(fd, &e);
	expect(r == 0 || e.msg[0]);
	expect(clock_mono_ns() - since < 5000 * NS_PER_MS);
}
