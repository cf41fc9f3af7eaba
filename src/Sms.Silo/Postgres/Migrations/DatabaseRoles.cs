using System.Text.RegularExpressions;
using Npgsql;

namespace Sms.Silo.Postgres.Migrations;

/// <summary>
/// Which of the roles that sql/ speaks of this login can use. Where it may neither make nor become one, the owner of the
/// database stands in its place, and row security is forced on the owner.
/// </summary>
internal sealed partial class DatabaseRoles
{
    private readonly HashSet<string> _missing;

    private DatabaseRoles(IEnumerable<string> missing) => _missing = missing.ToHashSet(StringComparer.Ordinal);

    public IReadOnlyCollection<string> Missing => _missing;

    /// <summary>Roles that can be had: those that are there (ours: and that the login is, or can make itself, a member of), and those that it may make.</summary>
    public static async Task<DatabaseRoles> FindAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(
            """
            select n.role
            from unnest(array['anon', 'authenticated', 'service_role', 'sms_app', 'sms_drain']) n (role)
            join pg_roles me on me.rolname = current_user
            left join pg_roles r on r.rolname = n.role
            where not me.rolsuper
              and case
                when r.oid is null then not me.rolcreaterole
                when n.role not like 'sms%' then false
                when current_setting('server_version_num')::int >= 160000 then
                  not pg_has_role(current_user, r.oid, 'set') and not pg_has_role(current_user, r.oid, 'member with admin option')
                else not pg_has_role(current_user, r.oid, 'member') and not me.rolcreaterole
              end
            """,
            connection);
        await using var reader = await command.ExecuteReaderAsync(cancellationToken);
        var missing = new List<string>();
        while (await reader.ReadAsync(cancellationToken))
            missing.Add(reader.GetString(0));
        // Of our two roles one alone is of no use.
        if (missing.Exists(IsOurs))
            missing.AddRange(["sms_app", "sms_drain"]);
        return new DatabaseRoles(missing);
    }

    /// <summary>The SQL with the owner in the place of roles that cannot be had; a name that is a text of its own, in quotation marks, stays.</summary>
    public string Fit(string sql) => _missing.Count == 0
        ? sql
        : Names().Replace(sql, match => _missing.Contains(match.Value) ? "current_user" : match.Value);

    private static bool IsOurs(string role) => role.StartsWith("sms_", StringComparison.Ordinal);

    [GeneratedRegex(@"(?<!['\w.])(anon|authenticated|service_role|sms_app|sms_drain)(?!\w)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 5000)]
    private static partial Regex Names();
}
