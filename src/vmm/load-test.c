/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/load.h"

#include "base/auto.h"
#include "base/err.h"
#include "base/test.h"

#include <asm/bootparam.h>
#include <elf.h>
#include <sys/mman.h>

struct image {
	Elf64_Ehdr head;
	Elf64_Phdr ph[3];
	struct {
		Elf64_Nhdr head;
		char name[4];
		uint32_t entry;
	} note;
	uint8_t code[4096];
};

static struct image good(void)
{
	struct image i = { .head = { .e_machine = EM_X86_64,
				   .e_phoff = offsetof(struct image, ph),
				   .e_phentsize = sizeof(Elf64_Phdr),
				   .e_phnum = 2 },
		.ph = { { .p_type = PT_LOAD,
				.p_offset = offsetof(struct image, code),
				.p_paddr = 2 << 20,
				.p_filesz = 4096,
				.p_memsz = 8192 },
			{ .p_type = PT_NOTE,
				.p_offset = offsetof(struct image, note),
				.p_filesz = sizeof(i.note) } },
		.note = { { 4, 4, 18 }, "Xen", (2 << 20) + 16 } };

	memcpy(i.head.e_ident, ELFMAG "\2\1\1", 7);
	memset(i.code, 0x90, sizeof(i.code));
	return i;
}

static int file_of(const void *bytes, size_t n)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	expect(fd >= 0 && write(fd, bytes, n) == (ssize_t)n);
	return fd;
}

static struct guest_memory memory;

static int load(const void *bytes, size_t n, int initrd, struct load_entry *entry)
{
	int fd = file_of(bytes, n), r;
	struct err e = { 0 };

	if (!memory.host)
		expect(memory_make(&memory, 32 << 20, &e) == 0);
	r = load_kernel(
		&(struct load){ .kernel = fd, .initrd = initrd, .cmdline = "a b" },
		&memory, entry, &e);
	(void)close(fd);
	if (r < 0)
		expect(e.msg[0]);
	return r;
}

static int load_image(const struct image *i)
{
	struct load_entry entry;

	return load(i, sizeof(*i), -1, &entry);
}

TEST(an_elf_kernel_is_placed_and_told_what_there_is)
{
	struct image i = good();
	struct load_entry entry;
	int initrd = file_of("files", 5);
	uint32_t n;
	uint64_t at[2];
	char text[6] = "";

	expect(load(&i, sizeof(i), initrd, &entry) == 0);
	expect(entry.eip == (2 << 20) + 16 && entry.ebx == LOAD_START_INFO && !entry.esi);
	expect(memory.host[2 << 20] == 0x90 && memory.host[(2 << 20) + 4096] == 0);
	expect(memory_copy_out(&memory, LOAD_START_INFO, &n, 4) == 0 && n == 0x336ec578);
	expect(memory_copy_out(&memory, LOAD_START_INFO + 12, &n, 4) == 0 && n == 1);
	expect(memory_copy_out(&memory, LOAD_MODULES, at, 16) == 0 && at[1] == 5);
	expect(memory_copy_out(&memory, at[0], text, 5) == 0);
	expect_str(text, "files");
	expect_str((char *)memory.host + LOAD_CMDLINE, "a b");
	(void)close(initrd);
}

TEST(an_elf_kernel_that_lies_is_refused)
{
	static const uint64_t wild[] = { 0, 4096, (1 << 20) - 1, 32 << 20, UINT32_MAX,
		MEMORY_HIGH_BEGIN, UINT64_MAX - 4095, UINT64_MAX };
	struct image i;

	for (size_t k = 0; k < sizeof(wild) / sizeof(wild[0]); k++) {
		i = good();
		i.ph[0].p_paddr = wild[k];
		expect(load_image(&i) < 0);
		i = good();
		i.ph[0].p_filesz = i.ph[0].p_memsz = wild[k];
		if (wild[k] > sizeof(i))
			expect(load_image(&i) < 0);
		i = good();
		i.ph[0].p_offset = wild[k] + 4096;
		if (wild[k] >= 4096 && wild[k] != UINT64_MAX - 4095)
			expect(load_image(&i) < 0);
		i = good();
		i.head.e_phoff = wild[k] | 1 << 20;
		expect(load_image(&i) < 0);
		i = good();
		i.note.entry = (uint32_t)wild[k];
		expect(load_image(&i) == -ENOEXEC);
	}
	i = good();
	i.ph[0].p_filesz = 8193;
	expect(load_image(&i) == -ENOEXEC);
	i = good();
	i.head.e_phnum = 65535;
	expect(load_image(&i) == -ENOEXEC);
	i = good();
	i.head.e_machine = EM_AARCH64;
	expect(load_image(&i) == -ENOEXEC);
	i = good();
	i.note.head.n_namesz = UINT32_MAX;
	expect(load_image(&i) == -ENOEXEC);
	i = good();
	i.note.head.n_descsz = 5;
	expect(load_image(&i) == -ENOEXEC);
}

TEST(no_kernel_at_all_is_refused)
{
	uint8_t zero[8192] = { 0 };
	struct load_entry entry;

	expect(load(zero, 0, -1, &entry) == -ENOEXEC);
	expect(load(zero, 100, -1, &entry) == -ENOEXEC);
	expect(load(zero, sizeof(zero), -1, &entry) == -ENOEXEC);
}

TEST(a_bzimage_is_placed_and_told_what_there_is)
{
	static uint8_t image[1024 + 4096];
	struct setup_header h = { .setup_sects = 1,
		.header = 0x53726448,
		.version = 0x020f,
		.loadflags = 1,
		.relocatable_kernel = 1,
		.pref_address = 4 << 20,
		.init_size = 1 << 20,
		.initrd_addr_max = 0x7fffffff };
	struct boot_params zero;
	struct load_entry entry;
	int initrd = file_of("files", 5);

	memset(image + 1024, 0x91, 4096);
	memcpy(image + 0x1f1, &h, sizeof(h));
	expect(load(image, sizeof(image), initrd, &entry) == 0);
	expect(entry.eip == 4 << 20 && entry.esi == LOAD_ZERO_PAGE);
	expect(memory.host[4 << 20] == 0x91 && memory.host[(4 << 20) + 4096] == 0);
	expect(memory_copy_out(&memory, LOAD_ZERO_PAGE, &zero, sizeof(zero)) == 0);
	expect(zero.hdr.cmd_line_ptr == LOAD_CMDLINE && zero.hdr.ramdisk_size == 5);
	expect(zero.e820_entries == 3 && zero.hdr.type_of_loader == 0xff);
	h.init_size = 64 << 20;
	memcpy(image + 0x1f1, &h, sizeof(h));
	expect(load(image, sizeof(image), -1, &entry) == -E2BIG);
	h.version = 0x0200;
	memcpy(image + 0x1f1, &h, sizeof(h));
	expect(load(image, sizeof(image), -1, &entry) == -ENOEXEC);
	expect(load(image, 1024, -1, &entry) == -ENOEXEC);
	(void)close(initrd);
}

TEST(files_and_words_that_do_not_fit_are_refused)
{
	struct image i = good();
	struct load_entry entry;
	char words[LOAD_CMDLINE_MAX + 1];
	struct err e = { 0 };
	int initrd = memfd_create("initrd", MFD_CLOEXEC), kernel = file_of(&i, sizeof(i));

	expect(ftruncate(initrd, 31 << 20) == 0);
	expect(load(&i, sizeof(i), initrd, &entry) == -E2BIG);
	expect(ftruncate(initrd, 1LL << 40) == 0);
	expect(load(&i, sizeof(i), initrd, &entry) == -E2BIG);
	memset(words, 'x', sizeof(words));
	words[LOAD_CMDLINE_MAX] = '\0';
	expect(load_kernel(&(struct load){ kernel, -1, words }, &memory, &entry, &e) ==
		-E2BIG);
	words[LOAD_CMDLINE_MAX - 1] = '\0';
	expect(load_kernel(&(struct load){ kernel, -1, words }, &memory, &entry, &e) ==
		0);
	(void)close(initrd);
	(void)close(kernel);
}
