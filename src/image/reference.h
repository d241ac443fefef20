/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reference.h - what a person writes to say which image is meant.
 *
 *	host				the machine's own system directories
 *	. .. ./DIR ../DIR /DIR dir:DIR	a directory, used as it is
 *	oci:DIR[:TAG]			an OCI layout in a directory
 *	docker-archive:FILE[:REF]	a 'docker save' tar, or an OCI layout in a tar
 *	oci-archive:FILE[:REF]		the same
 *	./FILE.tar FILE.tar		the same (.tar .tar.gz .tgz .tar.zst)
 *	[docker://][HOST[:PORT]/]NAME[:TAG][@DIGEST]	a registry
 *
 * The last form follows github.com/distribution/reference (grammar in its reference.go,
 * short names in its normalize.go): 'debian' is docker.io/library/debian:latest. Parsing
 * looks at letters only; reference_settle() then looks at the disk.
 */
#ifndef BRIG_IMAGE_REFERENCE_H
#define BRIG_IMAGE_REFERENCE_H

#include "base/auto.h"

#include <stdbool.h>

struct err;

enum reference_kind {
	REFERENCE_HOST,
	REFERENCE_DIR,
	REFERENCE_LAYOUT,
	REFERENCE_ARCHIVE,
	REFERENCE_REGISTRY,
};

/* repository and host together, as in distribution's NameTotalLengthMax */
#define REFERENCE_NAME_MAX 255
#define REFERENCE_TAG_MAX  128
#define REFERENCE_TEXT_MAX 8192

struct reference {
	enum reference_kind kind;
	char *name;   /* the one spelling of it; the key in the store */
	char *path;   /* DIR, LAYOUT, ARCHIVE */
	char *domain; /* REGISTRY: "docker.io", "localhost:5000" */
	char *repo;   /* REGISTRY: "library/debian" */
	char *tag; /* REGISTRY: may be NULL beside a digest; LAYOUT, ARCHIVE: which one,
		      or NULL */
	char *digest; /* REGISTRY: or NULL */
};

/* -EINVAL with a message that quotes 'text'. 'ret' is zeroed on failure. */
int reference_parse(const char *text, struct reference *ret, struct err *e);

/* A registry reference and nothing else: for the name that an import gives. */
int reference_parse_registry(const char *text, struct reference *ret, struct err *e);

/*
 * Make the path absolute, and find out what is there: a directory that holds 'oci-layout'
 * is a LAYOUT, a regular file an ARCHIVE. -ENOENT when nothing is. Others are left alone.
 */
int reference_settle(struct reference *ref, struct err *e);

void reference_clear(struct reference *ref);
#define auto_reference AUTO(reference_clear)

/* The shortest text that means the same, as a tail of a normalised name: "debian:12". */
const char *reference_familiar(const char *name);

/* Is 'domain' ("localhost:5000", "127.0.0.1", "[::1]:80") this very machine? */
bool reference_is_loopback(const char *domain);

#endif
