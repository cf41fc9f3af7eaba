namespace Sms.Silo.Embedded;

/// <summary>What outlives the host and stops its server: a POSIX shell script, so that it runs wherever PostgreSQL does except on Windows.</summary>
internal static class WatchdogScript
{
    /// <summary>Arguments: data folder, cluster, the host's registration, <c>keep</c> or <c>delete</c>.</summary>
    /// <remarks>
    /// The registration goes first, then the mark in <c>stopping/</c> comes, then the others are looked for; a host that starts
    /// registers first and looks for marks then. So of a host that starts and one that leaves at least one sees the other, and
    /// no server is stopped under a host that has just found it up. SIGINT is PostgreSQL's fast shutdown; pg_ctl would send it
    /// too, but refuses to run as root. After 20 s comes SIGQUIT, which leaves the rest to recovery at the next start.
    /// </remarks>
    public const string Text = """
        trap '' INT TERM HUP
        exec >/dev/null 2>&1
        data=$1 cluster=$2 registration=$3 afterwards=$4

        pause() { sleep 0.05 || sleep 1; }

        # The time of start in field 22 of /proc/N/stat, which is the 20th after the name; no output without /proc.
        started() {
            read -r stat <"/proc/$1/stat" || return 1
            set -- ${stat##*) }
            case $1 in Z|X) return 1 ;; esac
            echo "${20}"
        }

        alive() {
            kill -0 "$1" || return 1
            [ -d /proc/self ] || return 0
            now=$(started "$1") && { [ "$2" = 0 ] || [ "$2" = "$now" ]; }
        }

        used_by_others() {
            for file in "$data"/hosts/*; do
                name=${file##*/}
                start=${name#*-}
                alive "${name%%-*}" "${start%%-*}" && return 0
            done
            return 1
        }

        # Whether process $1 lives and is the server of this cluster, and not a later process with the same number.
        serves() {
            alive "$1" 0 || return 1
            if [ -e "/proc/$1/cwd" ]; then
                [ "/proc/$1/cwd" -ef "$cluster" ]
            else
                case $(cat "/proc/$1/comm" || ps -o comm= -p "$1") in
                    *postgres*) return 0 ;;
                    *) return 1 ;;
                esac
            fi
        }

        # The host never writes: this returns when its end of the pipe is closed, in whatever way it ended.
        while read -r _; do :; done

        phase=settled
        read -r phase <"$registration"
        rm -f "$registration"
        mark=$data/stopping/$$-$(started $$ || echo 0)
        : >"$mark"
        if ! used_by_others; then
            pid=
            read -r pid <"$cluster/postmaster.pid"
            # A host that was killed while it started the server: the server is about to write its number.
            tries=0
            while [ -z "$pid" ] && [ "$phase" = starting ] && [ "$tries" -lt 40 ]; do
                pause
                tries=$((tries + 1))
                read -r pid <"$cluster/postmaster.pid"
            done
            if [ -n "$pid" ] && serves "$pid"; then
                kill -INT "$pid"
                tries=0
                while serves "$pid" && [ "$tries" -lt 600 ]; do
                    pause
                    tries=$((tries + 1))
                    if [ "$tries" -eq 400 ]; then kill -QUIT "$pid"; fi
                done
            fi
            if [ "$afterwards" = delete ]; then
                # More than once: an initdb that outlived its host may still write there, until it fails.
                tries=0
                while [ -d "$data" ] && [ "$tries" -lt 100 ]; do
                    rm -rf "$data" || pause
                    tries=$((tries + 1))
                done
            fi
        fi
        rm -f "$mark"
        """;
}
