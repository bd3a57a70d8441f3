-- The window's sign-ins, counted by account, country and outcome.
-- A record that names nobody's id belongs to the one account with its user name.
-- First per address, so that no list of addresses ever holds more than there are.
with named as (
    select lower(username) as username, min(account_id) as account_id
    from accounts
    where username is not null
    group by lower(username)
    having count(*) = 1
),
owned as (
    select s.tenant, coalesce(s.account_id, n.account_id) as account_id, s.username, s.country, s.outcome, s.legacy,
           s.address, s.mfa, s.signed_in_at
    from sign_ins s left join named n on s.account_id is null and n.username = lower(s.username)
    where s.signed_in_at >= $since and s.signed_in_at < $until
),
counted as (
    select tenant, account_id, case when account_id is null then username end as username, country, outcome, legacy,
           address, count(*) as records, count(*) filter (mfa = 'single_factor') as single_factor,
           min(signed_in_at) as first_at, max(signed_in_at) as last_at
    from owned
    group by all
)
select tenant, account_id, username, country, outcome, legacy,
       not list_contains($home_countries::varchar[], country) as abroad,
       sum(records)::bigint as records, sum(single_factor)::bigint as single_factor,
       min(first_at) as first_at, max(last_at) as last_at,
       list(address order by records desc, address)[:5] as addresses
from counted
group by tenant, account_id, username, country, outcome, legacy
order by all
