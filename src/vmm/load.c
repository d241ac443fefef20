/* SPDX-License-Identifier: Apache-2.0 */
#include "vmm/load.h"

#include "base/auto.h"
#include "base/err.h"

#include <asm/bootparam.h>
#include <elf.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define SEGMENTS_MAX 64U
#define NOTES_MAX    65536U
#define FILE_MAX     (2ULL << 30)
#define PAGE         4096U

/* xen/include/public/elfnote.h, arch-x86/hvm/start_info.h */
#define NOTE_PHYS32_ENTRY 18U
#define START_MAGIC       0x336ec578U
#define MAP_RAM           1U
#define MAP_RESERVED      2U

struct start_info {
	uint32_t magic, version, flags, nr_modules;
	uint64_t modules, cmdline, rsdp;
	uint64_t memory_map;
	uint32_t memory_map_n, reserved;
};

struct start_module {
	uint64_t at, size, cmdline, reserved;
};

struct start_range {
	uint64_t at, size;
	uint32_t type, reserved;
};

struct loader {
	const struct load *l;
	const struct guest_memory *m;
	uint64_t end; /* of the kernel in memory */
	uint64_t initrd, initrd_size;
	struct err *e;
};

static int bad(struct loader *x, const char *why)
{
	return err_set(x->e, ENOEXEC, "the guest's kernel: %s", why);
}

static int read_file(struct loader *x, int fd, uint64_t off, void *to, uint64_t n)
{
	uint8_t *at = to;

	while (n) {
		ssize_t got = pread(fd, at, n, (off_t)off);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(x->e, "read the guest's kernel");
		if (got == 0)
			return bad(x, "it is cut off");
		at += got;
		off += (uint64_t)got;
		n -= (uint64_t)got;
	}
	return 0;
}

/* 'n' bytes of a file to guest address 'at', of which 'room' must be low RAM that nothing
 * else is in. */
static int place(struct loader *x, uint64_t off, uint64_t at, uint64_t n, uint64_t room)
{
	uint64_t low = memory_low_size(x->m);
	void *to = memory_span(x->m, at, room);

	if (n > room || off > FILE_MAX || n > FILE_MAX)
		return bad(x, "its parts have impossible sizes");
	if (at < LOAD_KERNEL)
		return bad(x, "it wants to be below 1 MiB");
	if (!to || at >= low)
		return err_set(x->e, E2BIG,
			"the guest's memory is too small for its kernel, which takes "
			"addresses "
			"up to %llu MiB",
			(unsigned long long)((at > UINT64_MAX - room ? at : at + room) >>
				20));
	if (x->end < at + room)
		x->end = at + room;
	return read_file(x, x->l->kernel, off, to, n);
}

/* --- ELF -------------------------------------------------------------------------------- */

/* The entry in a run of notes; 0 when it isn't among them. */
static uint32_t find_entry(const uint8_t *at, size_t left)
{
	Elf64_Nhdr n;

	while (left >= sizeof(n)) {
		size_t name, desc;

		memcpy(&n, at, sizeof(n));
		at += sizeof(n);
		left -= sizeof(n);
		if (n.n_namesz > NOTES_MAX || n.n_descsz > NOTES_MAX)
			return 0;
		name = (n.n_namesz + 3U) & ~3U;
		desc = (n.n_descsz + 3U) & ~3U;
		if (name + desc > left)
			return 0;
		if (n.n_type == NOTE_PHYS32_ENTRY && n.n_namesz == 4 && n.n_descsz >= 4 &&
			memcmp(at, "Xen", 4) == 0) {
			uint32_t entry;

			memcpy(&entry, at + name, 4);
			return entry;
		}
		at += name + desc;
		left -= name + desc;
	}
	return 0;
}

static int read_notes(struct loader *x, const Elf64_Phdr *p, uint32_t *entry)
{
	auto_free uint8_t *notes = NULL;
	int r;

	if (p->p_filesz > NOTES_MAX || p->p_offset > FILE_MAX)
		return 0; /* whatever that is, the entry isn't there */
	notes = malloc(p->p_filesz ? p->p_filesz : 1);
	if (!notes)
		return err_set(x->e, ENOMEM, "out of memory");
	r = read_file(x, x->l->kernel, p->p_offset, notes, p->p_filesz);
	if (r == 0 && !*entry)
		*entry = find_entry(notes, p->p_filesz);
	return r;
}

static int load_elf(struct loader *x, const Elf64_Ehdr *h, uint32_t *entry)
{
	Elf64_Phdr p[SEGMENTS_MAX];
	int r;

	*entry = 0;
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
		h->e_machine != EM_X86_64)
		return bad(x, "it is not one for x86-64");
	if (h->e_phentsize != sizeof(*p) || h->e_phnum > SEGMENTS_MAX ||
		h->e_phoff > FILE_MAX)
		return bad(x, "it has no table of segments that makes sense");
	r = read_file(x, x->l->kernel, h->e_phoff, p, h->e_phnum * sizeof(*p));
	for (unsigned i = 0; r == 0 && i < h->e_phnum; i++) {
		if (p[i].p_type == PT_LOAD && p[i].p_memsz)
			r = place(x, p[i].p_offset, p[i].p_paddr, p[i].p_filesz,
				p[i].p_memsz);
		else if (p[i].p_type == PT_NOTE)
			r = read_notes(x, &p[i], entry);
	}
	if (r < 0)
		return r;
	if (!*entry)
		return bad(x, "it has no PVH entry (CONFIG_PVH)");
	if (*entry < LOAD_KERNEL || *entry >= x->end)
		return bad(x, "its entry lies outside of it");
	return 0;
}

/* --- bzImage ---------------------------------------------------------------------------- */

#define BZIMAGE_HEADER    0x1f1U
#define BZIMAGE_MAGIC     0x53726448U /* "HdrS" */
#define BZIMAGE_PROTOCOL  0x020aU     /* init_size, pref_address */
#define BZIMAGE_LOADED_HI 1U
#define BZIMAGE_LOADER    0xffU /* none that has a number */
#define SECTOR            512ULL

static int load_bzimage(struct loader *x, struct setup_header *h, uint64_t file_size)
{
	uint64_t skip = SECTOR * ((h->setup_sects ? h->setup_sects : 4ULL) + 1);
	uint64_t at = LOAD_KERNEL, room;

	if (h->version < BZIMAGE_PROTOCOL || !(h->loadflags & BZIMAGE_LOADED_HI))
		return bad(x, "it is a bzImage from before Linux 2.6.31");
	if (file_size <= skip)
		return bad(x, "it is cut off");
	/* from where it is unpacked in place, with nothing to move */
	if (h->relocatable_kernel && h->pref_address >= LOAD_KERNEL &&
		h->pref_address < memory_low_size(x->m))
		at = h->pref_address;
	room = file_size - skip;
	if (room < h->init_size)
		room = h->init_size;
	h->code32_start = (uint32_t)at;
	return place(x, skip, at, file_size - skip, room);
}

/* --- what it is told -------------------------------------------------------------------- */

static int load_initrd(struct loader *x, uint64_t max)
{
	uint64_t low = memory_low_size(x->m), at;
	struct stat st;
	int r;

	if (x->l->initrd < 0)
		return 0;
	if (fstat(x->l->initrd, &st) < 0)
		return err_sys(x->e, "look at the initial file system");
	if (max > low)
		max = low;
	if (st.st_size <= 0 || (uint64_t)st.st_size > max)
		return err_set(
			x->e, E2BIG, "the guest's memory is too small for its files");
	at = (max - (uint64_t)st.st_size) / PAGE * PAGE;
	if (at < x->end || !memory_span(x->m, at, (uint64_t)st.st_size))
		return err_set(
			x->e, E2BIG, "the guest's memory is too small for its files");
	r = read_file(x, x->l->initrd, 0, memory_span(x->m, at, (uint64_t)st.st_size),
		(uint64_t)st.st_size);
	x->initrd = at;
	x->initrd_size = (uint64_t)st.st_size;
	return r;
}

static unsigned memory_map(const struct guest_memory *m, struct start_range map[4])
{
	uint64_t high = memory_high_size(m);

	map[0] = (struct start_range){ .at = 0, .size = LOAD_TABLES, .type = MAP_RAM };
	map[1] = (struct start_range){
		.at = LOAD_TABLES, .size = LOAD_KERNEL - LOAD_TABLES, .type = MAP_RESERVED
	};
	map[2] = (struct start_range){ .at = LOAD_KERNEL,
		.size = memory_low_size(m) - LOAD_KERNEL,
		.type = MAP_RAM };
	map[3] = (struct start_range){
		.at = MEMORY_HIGH_BEGIN, .size = high, .type = MAP_RAM
	};
	return high ? 4 : 3;
}

static int tell_pvh(struct loader *x)
{
	struct start_range map[4];
	struct start_module module = { .at = x->initrd, .size = x->initrd_size };
	struct start_info info = { .magic = START_MAGIC,
		.version = 1,
		.nr_modules = x->initrd_size ? 1 : 0,
		.modules = LOAD_MODULES,
		.cmdline = LOAD_CMDLINE,
		.memory_map = LOAD_MEMORY_MAP,
		.memory_map_n = memory_map(x->m, map) };

	if (memory_copy_in(x->m, LOAD_START_INFO, &info, sizeof(info)) < 0 ||
		memory_copy_in(x->m, LOAD_MODULES, &module, sizeof(module)) < 0 ||
		memory_copy_in(x->m, LOAD_MEMORY_MAP, map, sizeof(map)) < 0)
		return err_set(x->e, EFAULT, "write the guest's tables");
	return 0;
}

static int tell_bzimage(struct loader *x, const struct setup_header *h)
{
	auto_free struct boot_params *zero = calloc(1, sizeof(*zero));
	struct start_range map[4];
	unsigned n = memory_map(x->m, map);

	if (!zero)
		return err_set(x->e, ENOMEM, "out of memory");
	zero->hdr = *h;
	zero->hdr.type_of_loader = BZIMAGE_LOADER;
	zero->hdr.cmd_line_ptr = LOAD_CMDLINE;
	zero->hdr.ramdisk_image = (uint32_t)x->initrd;
	zero->hdr.ramdisk_size = (uint32_t)x->initrd_size;
	for (unsigned i = 0; i < n; i++)
		zero->e820_table[i] = (struct boot_e820_entry){
			.addr = map[i].at, .size = map[i].size, .type = map[i].type
		};
	zero->e820_entries = (uint8_t)n;
	return memory_copy_in(x->m, LOAD_ZERO_PAGE, zero, sizeof(*zero)) < 0
		? err_set(x->e, EFAULT, "write the guest's tables")
		: 0;
}

static int tell_cmdline(struct loader *x)
{
	size_t n = strlen(x->l->cmdline) + 1;

	if (n > LOAD_CMDLINE_MAX)
		return err_set(x->e, E2BIG,
			"the guest's command line is longer than %u bytes",
			LOAD_CMDLINE_MAX - 1);
	return memory_copy_in(x->m, LOAD_CMDLINE, x->l->cmdline, n) < 0
		? err_set(x->e, EFAULT, "write the guest's command line")
		: 0;
}

int load_kernel(const struct load *l, const struct guest_memory *m,
	struct load_entry *ret, struct err *e)
{
	struct loader x = { .l = l, .m = m, .e = e };
	union {
		Elf64_Ehdr elf;
		uint8_t bytes[1024];
	} head;
	struct setup_header h;
	struct stat st;
	uint32_t entry;
	int r;

	if (fstat(l->kernel, &st) < 0)
		return err_sys(e, "look at the guest's kernel");
	if (st.st_size < (off_t)sizeof(head) || (uint64_t)st.st_size > FILE_MAX)
		return bad(&x, "its size is not that of a kernel");
	r = read_file(&x, l->kernel, 0, &head, sizeof(head));
	if (r < 0)
		return r;
	memcpy(&h, head.bytes + BZIMAGE_HEADER, sizeof(h));
	if (memcmp(head.elf.e_ident, ELFMAG, SELFMAG) == 0) {
		r = load_elf(&x, &head.elf, &entry);
		r = r < 0 ? r : load_initrd(&x, MEMORY_LOW_END);
		r = r < 0 ? r : tell_pvh(&x);
		*ret = (struct load_entry){ .eip = entry, .ebx = LOAD_START_INFO };
	} else if (h.header == BZIMAGE_MAGIC) {
		r = load_bzimage(&x, &h, (uint64_t)st.st_size);
		r = r < 0 ? r : load_initrd(&x, (uint64_t)h.initrd_addr_max + 1);
		r = r < 0 ? r : tell_bzimage(&x, &h);
		*ret = (struct load_entry){ .eip = h.code32_start,
			.esi = LOAD_ZERO_PAGE };
	} else {
		r = bad(&x, "it is neither ELF nor bzImage");
	}
	return r < 0 ? r : tell_cmdline(&x);
}
