-- The window's sign-ins, counted by account, country, outcome and what explains them. A record that names nobody's id
-- belongs to the one account with its user name.
-- Built for a hundred million rows: what comes from the home countries, nearly everything, is counted in one narrow
-- pass; only the rest is looked at closer, and only of what is abroad addresses are kept: first per address, so that no
-- list of them ever holds more than there are. What became of stops was settled before (redeemed_stops.sql).
with log as not materialized (
    select s.tenant, s.sign_in_id, coalesce(s.account_id, n.account_id) as account_id,
           case when s.account_id is null and n.account_id is null then lower(s.username) end as username,
           lower(s.username) as name, s.signed_in_at, s.outcome, s.address, s.country,
           s.country_source, s.asn, s.app, s.legacy, s.mfa
    from sign_ins s left join named n on n.username = case when s.account_id is null then lower(s.username) end
),
near as (
    select tenant, account_id, username, country, outcome, legacy, count(*) as records,
           count(*) filter (mfa = 'single_factor') as single_factor, count(*) filter (mfa = 'satisfied') as satisfied,
           min(signed_in_at) as first_at, max(signed_in_at) as last_at,
           max(country_source) filter (country_source <> 'provider') as looked_up_in
    from log
    where signed_in_at >= $since and signed_in_at < $until and list_contains($home_countries::varchar[], country)
    group by all
),

-- Whose home it is, and who told of a trip. A person is an account of the directory, else the name in the record.
homes as (
    select who, list(country) filter (sure) as sure, list(country) filter (not sure) as perhaps
    from (select unnest($home_who::varchar[]) as who, unnest($home_country::varchar[]) as country,
                 unnest($home_sure::boolean[]) as sure)
    group by who
),
everybody as (
    select any_value(sure) as sure, any_value(perhaps) as perhaps from homes where who = '*'
),
trips as (
    select who, country, unnest(generate_series(first::timestamp, last::timestamp, to_days(1)))::date as day
    from (select unnest($trip_who::varchar[]) as who, unnest($trip_country::varchar[]) as country,
                 unnest($trip_first::date[]) as first, unnest($trip_last::date[]) as last)
),
far as (
    select l.*, case when a.account_id is not null then a.account_id else coalesce(l.name, l.account_id) end as who,
           a.account_id is null as stranger,
           k.address is not null or coalesce(list_contains($asns::bigint[], l.asn), false) as known
    from log l
    left join known_addresses k on k.address = l.address
    left join accounts a on a.account_id = l.account_id
    where l.signed_in_at >= $since and l.signed_in_at < $until
      and list_contains($home_countries::varchar[], l.country) is not true
),
placed as (
    select f.*,
           case when f.country is null then null
                when list_contains(h.sure, f.country) or list_contains(e.sure, f.country) then false
                when list_contains(h.perhaps, f.country) or list_contains(e.perhaps, f.country)
                  or (f.stranger and list_contains($strangers::varchar[], f.country))
                  or (f.who is null and list_contains($nameless::varchar[], f.country)) then null
                when $home_countries::varchar[] is not null then true
           end as elsewhere
    from far f left join homes h on h.who = f.who cross join everybody e
),
judged as (
    select p.*, case when p.known and p.elsewhere is not false then false else p.elsewhere end as abroad,
           case when p.known and p.elsewhere is not false then 'network'
                when p.elsewhere and exists (
                    select 1 from trips t
                    where t.day = p.signed_in_at::date and t.who in (p.who, '*') and t.country in (p.country, '*')
                ) then 'trip'
                when p.elsewhere then 'nothing' end as explained
    from placed p
),
counted as (
    select tenant, account_id, username, country, outcome, legacy, abroad, explained,
           case when outcome = 'stopped_after_password' and abroad is not false then r.redeemed end as redeemed,
           case when abroad then address end as address, count(*) as records,
           count(*) filter (mfa = 'single_factor') as single_factor, count(*) filter (mfa = 'satisfied') as satisfied,
           min(signed_in_at) as first_at, max(signed_in_at) as last_at,
           list_sort(list(distinct app) filter (abroad and app is not null))[:5] as apps,
           max(country_source) filter (country_source <> 'provider') as looked_up_in
    from judged j left join redeemed_stops r on r.sign_in_id = j.sign_in_id
    group by all
)
select tenant, account_id, username, country, outcome, legacy, abroad, explained, redeemed,
       sum(records)::bigint as records, sum(single_factor)::bigint as single_factor,
       sum(satisfied)::bigint as satisfied, min(first_at) as first_at, max(last_at) as last_at,
       (list(address order by records desc, address) filter (address is not null))[:5] as addresses,
       list_sort(list_distinct(flatten(list(apps) filter (apps is not null))))[:5] as apps,
       max(looked_up_in) as looked_up_in
from counted
group by tenant, account_id, username, country, outcome, legacy, abroad, explained, redeemed
union all by name
select tenant, account_id, username, country, outcome, legacy, false as abroad, records, single_factor, satisfied,
       first_at, last_at, looked_up_in
from near
order by all
