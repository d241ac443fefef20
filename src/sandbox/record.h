/* SPDX-License-Identifier: Apache-2.0 */
/*
 * record.h - what a sandbox is, as it stands on disk.
 *
 * record.json is written once, when the sandbox is created, and says everything that is
 * needed to start it: nothing is worked out again later. run.json is there while it runs
 * (or after its keeper was killed), exit.json after it has ended. Each file is replaced
 * whole.
 */
#ifndef BRIG_SANDBOX_RECORD_H
#define BRIG_SANDBOX_RECORD_H

#include "base/json.h"
#include "base/str.h"
#include "linux/mntns.h"

struct err;

#define RECORD_MAX_BYTES (4U << 20)
#define RECORD_NAME_MAX  63

enum mount_mode { MOUNT_RW, MOUNT_RO, MOUNT_OVERLAY };
extern const char *const mount_mode_names[];

/* A directory, file or socket of the host that the sandbox sees. */
struct mount_spec {
	char *src;      /* absolute, on the host */
	char *dst;      /* absolute, inside */
	int mode;       /* enum mount_mode */
	bool workspace; /* given as PATH: guarded, restore points, the first is the
			   working directory */
};

enum root_kind { ROOT_HOST, ROOT_DIR, ROOT_LAYERS };
extern const char *const root_kind_names[];

/* Where the root file system comes from, resolved. */
struct root_spec {
	int kind;              /* enum root_kind */
	char *image;           /* as the user wrote it */
	char *digest;          /* of the manifest; layers only */
	char *dir;             /* the directory; or the folder that holds the layers */
	struct strv layers;    /* names in 'dir', the lowest first */
	struct strv host_dirs; /* host: more directories of the host, read-only (an
				  agent's own tree) */
};

struct limit_spec {
	uint64_t memory;   /* bytes, 0: none */
	uint64_t cpus;     /* thousandths of a CPU, 0: none */
	uint64_t pids;     /* 0: none */
	uint64_t net_rate; /* bytes a second each way, 0: none */
	bool pids_default; /* not asked for: a warning where it can't be enforced */
};

struct record {
	char *name;
	char *id; /* 128 random bits in hex: a name used again is another sandbox */
	char *wall;
	bool strict; /* sentry: its slower mode */
	char *agent;
	struct root_spec root;
	struct strv argv; /* the main command */
	struct strv env;  /* K=V */
	char *user;       /* "" for the working user */
	char *cwd;
	char *home; /* inside */
	char *hostname;
	struct json_list mounts; /* of struct mount_spec */
	struct limit_spec limits;
	char *net;               /* "none", "host", or the preset of its policy */
	struct json_list grants; /* of struct grant: secrets it may use */
	struct json_list ports;  /* of struct port_spec: published on the host */
	bool tty;
	bool stdin_open;
	bool rm; /* removed when it ends */
	bool fleeting; /* made by 'brig run --rm': goes also when that died before it was started */
	uint64_t timeout; /* ns, 0: none */
	uint64_t created; /* ns since the epoch */
	char *detach_keys;
};

/* While it runs. What is needed to find what a killed keeper left. */
struct run_state {
	char *boot_id; /* /proc/sys/kernel/random/boot_id; the inode numbers hold for this
			  boot */
	uint64_t keeper;  /* process id */
	uint64_t init;    /* of the sandbox's first process, as the host sees it */
	struct mntns mnt; /* its mount namespace: every process in it belongs to it */
	uint64_t started; /* ns since the epoch */
	bool paused;
	bool main;           /* runs its main command (not just an exec) */
	struct strv cgroups; /* paths of its control groups */
};

/* After it ended. */
struct exit_state {
	uint64_t status;   /* as a shell has it: 0-255, 128+n for a signal */
	uint64_t finished; /* ns since the epoch */
	char *reason;      /* "exited", "stopped", "timeout", "out of memory", "keeper was
			      killed" */
	uint64_t held;     /* things held back from the workspace */
};

extern const struct json_schema record_schema, run_schema, exit_schema, mount_spec_schema;

void record_clear(struct record *r);
#define auto_record AUTO(record_clear)

struct mount_spec *record_mount(const struct record *r, size_t i);

/* Is there a limit that a person asked for, so that it must hold? */
bool record_limits_asked(const struct record *r);

/* May this name a sandbox? [a-z0-9] first, then also '.', '_' and '-', at most
 * RECORD_NAME_MAX. */
int record_check_name(const char *name, struct err *e);

/* Make a name out of any text ("My Project!" -> "my-project"). */
void record_make_name(const char *text, char out[RECORD_NAME_MAX + 1]);

#endif
