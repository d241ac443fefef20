/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every port, read and written, 1, 2 and 4 bytes wide and by string instructions with long
 * counts. The ports that end the machine are left out; the serial port is set up in every way.
 */
#include "guest/virtio.h"

static uint8_t bytes[8192];

static bool ends(uint32_t port)
{
	return port == PORT_OFF || port == 0x64 || (port >= SERIAL - 8 && port < SERIAL + 8) ||
		(port >= 0xcf8 && port <= 0xcff) || port == 0x92;
}

static void touch(uint16_t port, unsigned how)
{
	uint32_t v = any();

	switch (how % 8) {
	case 0: outb(port, (uint8_t)v); break;
	case 1: __asm__ volatile("outw %w0, %1" : : "a"(v), "d"(port)); break;
	case 2: __asm__ volatile("outl %0, %1" : : "a"(v), "d"(port)); break;
	case 3: (void)inb(port); break;
	case 4: __asm__ volatile("inw %1, %w0" : "=a"(v) : "d"(port)); break;
	case 5: __asm__ volatile("inl %1, %0" : "=a"(v) : "d"(port)); break;
	case 6: {
		uint8_t *at = bytes;
		uint32_t n = below(64) ? below(16) : 4096;

		__asm__ volatile("rep insb" : "+D"(at), "+c"(n) : "d"(port) : "memory");
		break;
	}
	default: {
		uint8_t *at = bytes;
		uint32_t n = below(64) ? below(16) : 1024;

		__asm__ volatile("rep outsl" : "+S"(at), "+c"(n) : "d"(port) : "memory");
		break;
	}
	}
}

void main(void)
{
	for (uint32_t port = 0; port < 0x1000; port++)
		if (!ends(port))
			touch((uint16_t)port, port);
	for (unsigned i = 0; i < 1500; i++) {
		uint16_t port = (uint16_t)any();

		if (!ends(port))
			touch(port, any());
	}
	/* the serial port, but for the line that switches off: MCR's OUT1 outside of the loop */
	for (unsigned i = 0; i < 1000; i++) {
		unsigned at = 1 + below(7);

		outb((uint16_t)(SERIAL + at), (uint8_t)(at == 4 ? any() & ~4U : any()));
		(void)inb((uint16_t)(SERIAL + below(8)));
	}
	outb(SERIAL + 3, 3);
	outb(SERIAL + 4, 0);
	outb(SERIAL + 1, 0);
	expect(inb(0x3f8 + 5) & 0x20);
	/* two bytes at once aren't a word to anybody */
	__asm__ volatile("outw %w0, %1" : : "a"(0xfefe), "d"((uint16_t)0x64));
	__asm__ volatile("outl %0, %1" : : "a"(0), "d"((uint16_t)PORT_OFF));
	say("\n");
	still_served();
}
