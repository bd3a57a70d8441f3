-- From which countries each account got in during the window, and whether it had ever come from there before, as far
-- back as records are kept here ($since is the window's; what lies before it was stored by earlier scans, and days that
-- were removed are counted by month: every one of them is older than any record that is left).
-- What an app does on its own (noninteractive) says where a server stands: it starts nothing, but counts as having been
-- there. What comes from a known network tells of the network, not of the person. A success without a country may have
-- come from anywhere, and one that names nobody may have been anybody's: both leave `before` open.
with log as not materialized (
    select tenant, account_id, username, country, address, asn, outcome = 'success' as entered, source, signed_in_at
    from sign_ins
    where account_id is not null and (outcome = 'success') is not false
    union all
    select s.tenant, n.account_id, s.username, s.country, s.address, s.asn, s.outcome = 'success', s.source,
           s.signed_in_at
    from sign_ins s left join named n on n.username = lower(s.username)
    where s.account_id is null and (s.outcome = 'success') is not false
),
counted as (
    select m.tenant, coalesce(m.account_id, n.account_id) as account_id, m.username, m.country,
           m.outcome = 'success' as entered, m.unattended, m.month, m.ended, m.records
    from sign_in_months m left join named n on m.account_id is null and n.username = m.username
    where (m.outcome = 'success') is not false
),
-- Nearly everybody gets in from one country only: that is seen in one narrow pass, and nothing of it is kept.
strays as (
    select country, min(signed_in_at) as first_at from log where account_id is null and username is null group by country
    union all
    select country, min(month) from counted where account_id is null and username is null group by country
),
met as (
    select tenant, account_id, country, entered, min(signed_in_at) as ever_at, min(signed_in_at) as since
    from log
    where signed_in_at < $until and account_id is not null
    group by all
    union all
    select tenant, account_id, country, entered, min(month), min(ended)
    from counted
    where account_id is not null
    group by all
),
seen as (
    select tenant, account_id, country, entered, min(ever_at) as ever_at, min(since) as since from met group by all
),
reach as (
    select account_id, min(since) filter (entered) as records_since
    from seen
    group by account_id
    having count(*) > 1
),
fresh as (
    select l.tenant, l.account_id, l.country, l.address, l.signed_in_at
    from log l semi join reach r on r.account_id = l.account_id
    left join known_addresses k on k.address = l.address
    where l.signed_in_at >= $since and l.signed_in_at < $until and l.entered and l.country is not null
      and (l.source = 'noninteractive') is not true
      and k.address is null and list_contains($asns::bigint[], l.asn) is not true
),
sources as (
    select tenant, account_id, country, address, count(*) as records, min(signed_in_at) as first_at,
           max(signed_in_at) as last_at
    from fresh
    group by all
),
arrived as (
    select tenant, account_id, country, sum(records)::bigint as records, min(first_at) as first_at,
           max(last_at) as last_at, (list(address order by records desc, address) filter (address is not null))[:5] as addresses
    from sources
    group by all
),
-- What was before the first of them, from here, from elsewhere and from nobody knows where.
past as (
    select a.account_id, a.country,
           any_true(s.entered and s.country = a.country) as before
    from arrived a join seen s on s.account_id = a.account_id
    where s.ever_at < a.first_at
    group by all
),
others as (
    select account_id, country, sum(records)::bigint as elsewhere
    from (
        select a.account_id, a.country, count(*) as records
        from arrived a join log l on l.account_id = a.account_id
        where l.entered and l.country <> a.country and l.signed_in_at < a.first_at
          and (l.source = 'noninteractive') is not true
        group by all
        union all
        select a.account_id, a.country, sum(c.records)
        from arrived a join counted c on c.account_id = a.account_id
        where c.entered and c.country <> a.country and c.month < a.first_at and c.unattended is not true
        group by all
    )
    group by all
),
places as (
    select account_id, country, any_true(abroad) as abroad,
           case when count(*) = count(explained) then min(explained) end as explained
    from sign_in_places
    where outcome = 'success'
    group by all
)
select a.tenant, a.account_id, a.country, p.abroad, p.explained, a.first_at, a.last_at, a.records,
       case when b.before then true
            when exists (select 1 from strays s where (s.country = a.country) is not false and s.first_at < a.first_at)
            then null
            when b.account_id is null then false
            else b.before end as before,
       coalesce(o.elsewhere, 0) as elsewhere, r.records_since, a.addresses
from arrived a
join reach r on r.account_id = a.account_id
left join past b on b.account_id = a.account_id and b.country = a.country
left join others o on o.account_id = a.account_id and o.country = a.country
left join places p on p.account_id = a.account_id and p.country = a.country
order by all
