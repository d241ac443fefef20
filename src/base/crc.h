/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crc.h - CRC-32C (Castagnoli; RFC 3720, appendix B.4): tells what decayed or was cut short from
 * what was written. It is no defence against somebody who means it.
 */
#ifndef BRIG_BASE_CRC_H
#define BRIG_BASE_CRC_H

#include <stddef.h>
#include <stdint.h>

/* Of 'n' more bytes after those that gave 'crc'; 0 in front of the first. By the processor's own
 * instruction where it has one: some gigabytes a second. */
uint32_t crc32c(uint32_t crc, const void *data, size_t n);

#endif
