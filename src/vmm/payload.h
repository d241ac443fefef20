/* SPDX-License-Identifier: Apache-2.0 */
/*
 * payload.h - for tests: a machine with a kernel of a few instructions, which runs in 32-bit
 * protected mode as PVH says, also where no ordinary guest does.
 */
#ifndef BRIG_VMM_PAYLOAD_H
#define BRIG_VMM_PAYLOAD_H

#include "base/err.h"
#include "base/test.h"
#include "vmm/machine.h"
#include "vmm/virtio/toy.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAYLOAD_CODE (2U << 20)

struct payload_image {
	Elf64_Ehdr head;
	Elf64_Phdr ph[2];
	struct {
		Elf64_Nhdr head;
		char name[4];
		uint32_t entry;
	} note;
	uint8_t code[256];
};

static inline int payload_kernel(const uint8_t *code, size_t n)
{
	struct payload_image i = { .head = { .e_machine = EM_X86_64,
					   .e_phoff = offsetof(struct payload_image, ph),
					   .e_phentsize = sizeof(Elf64_Phdr),
					   .e_phnum = 2 },
		.ph = { { .p_type = PT_LOAD,
				.p_offset = offsetof(struct payload_image, code),
				.p_paddr = PAYLOAD_CODE,
				.p_filesz = sizeof(i.code),
				.p_memsz = sizeof(i.code) },
			{ .p_type = PT_NOTE,
				.p_offset = offsetof(struct payload_image, note),
				.p_filesz = sizeof(i.note) } },
		.note = { { 4, 4, 18 }, "Xen", PAYLOAD_CODE } };
	uint8_t pad[1024] = { 0 };
	int fd = memfd_create("payload", MFD_CLOEXEC);

	memcpy(i.head.e_ident, ELFMAG "\2\1\1", 7);
	expect(n <= sizeof(i.code));
	memcpy(i.code, code, n);
	expect(fd >= 0 && write(fd, &i, sizeof(i)) == sizeof(i));
	expect(write(fd, pad, sizeof(pad)) == sizeof(pad));
	return fd;
}

/* mov $0x600, %dx; out %al, %dx: the machine goes off with AL as its word */
#define OFF 0x66, 0xba, 0x00, 0x06, 0xee

/* Skips the test where there is no KVM. Its one device is a toy. */
static inline struct machine *payload_machine(
	const uint8_t *code, size_t n, unsigned cpus, int console)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), kernel = payload_kernel(code, n);
	struct machine *m;
	struct err e = { 0 };

	if (kvm < 0)
		test_skip("no /dev/kvm");
	if (machine_new(&m, &(struct machine_options){ kvm, cpus, 32 << 20, console },
		    &e) < 0)
		test_skip(e.msg);
	expect(machine_add_device(m, toy_new(), &e) == 0);
	expect(machine_load(m, &(struct load){ kernel, -1, "" }, &e) == 0);
	(void)close(kernel);
	(void)close(kvm);
	return m;
}

#endif
