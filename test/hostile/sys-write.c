/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Trick: open files in /sys for writing: the helper for hotplug events, power, devices.
 * Gain: the kernel starts the helper as root, outside; devices can be taken off their
 * drivers.
 * Expect: chroot=stops nspawn=stops container=stops sentry=own
 * Expect root: chroot=escapes
 * Layer: read-only /sys
 */
#include "hostile.h"

static const char *const names[] = { "/sys/kernel/uevent_helper", "/sys/power/state",
	"/sys/kernel/profiling", "/sys/kernel/mm/ksm/run",
	"/sys/kernel/mm/ksm/sleep_millisecs",
	"/sys/kernel/mm/transparent_hugepage/enabled",
	"/sys/devices/system/cpu/cpu1/online", "/sys/module/printk/parameters/time" };

static void try_all(const char *how)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (open(names[i], O_WRONLY | O_CLOEXEC) >= 0)
			escaped("%s can be written%s", names[i], how);
}

int main(void)
{
	try_all("");
	(void)mount(NULL, "/sys", NULL, MS_REMOUNT | MS_BIND, NULL);
	try_all(" after a remount");
	(void)umount2("/sys", MNT_DETACH);
	(void)mount(NULL, "/sys", NULL, MS_REMOUNT | MS_BIND, NULL);
	try_all(" beneath /sys");
	(void)mkdir("/tmp/sys", 0700);
	if (mount("sysfs", "/tmp/sys", "sysfs", 0, NULL) == 0 &&
		open("/tmp/sys/kernel/mm/ksm/run", O_WRONLY | O_CLOEXEC) >= 0)
		escaped("a sysfs of its own can be written");
	stopped("nothing in /sys can be written");
}
