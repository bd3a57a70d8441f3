-- The window's sign-ins, counted by account, country and outcome.
-- First per address, so that no list of addresses ever holds more than there are.
with counted as (
    select tenant, account_id, case when account_id is null then username end as username, country, outcome, legacy,
           address, count(*) as records, count(*) filter (mfa = 'single_factor') as single_factor,
           min(signed_in_at) as first_at, max(signed_in_at) as last_at
    from sign_ins
    where signed_in_at >= $since and signed_in_at < $until
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
