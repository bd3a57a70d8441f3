-- Every reason to doubt that somebody who got in was the person, one row per account and reason, by the thresholds of
-- the rules that look at each of them.
with guessing as (  -- addresses from which many names were tried, and accounts that were tried many times in a short while
    select address, null::varchar as account_id, min(first_at) as since
    from password_tries
    where wrong and not known and users >= $spray_users
    group by address
    having sum(tries) >= $spray_tries
    union all
    select t.address, t.account_id, min(t.first_at)
    from password_tries t
    join (select a.account_id, a.hour
          from password_tries a join password_tries b on b.account_id = a.account_id
           and b.hour >= a.hour and b.hour < a.hour + to_hours($guess_hours::integer)
          where a.wrong and b.wrong and not b.known
          group by all
          having sum(b.tries) >= $guess_tries) w
      on w.account_id = t.account_id and t.hour >= w.hour and t.hour < w.hour + to_hours($guess_hours::integer)
    where t.wrong and not t.known and t.followed
    group by all
),
doubtful as (  -- each sign-in once per reason
    select s.tenant, coalesce(s.account_id, n.account_id) as account_id, 'guessed' as reason, s.country, s.address,
           s.signed_in_at, s.mfa
    from sign_ins s left join named n on s.account_id is null and n.username = lower(s.username)
    where s.outcome = 'success' and s.signed_in_at >= $since and s.signed_in_at < $until
      and s.address in (select address from guessing)
      and exists (select 1 from guessing g where g.address = s.address and s.signed_in_at >= g.since
                  and (g.account_id is null or g.account_id = coalesce(s.account_id, n.account_id)))
    union all
    select s.tenant, coalesce(s.account_id, n.account_id), 'provider_risk', s.country, s.address, s.signed_in_at, s.mfa
    from sign_ins s left join named n on s.account_id is null and n.username = lower(s.username)
    where s.outcome = 'success' and s.signed_in_at >= $since and s.signed_in_at < $until
      and s.risk in ('high', 'medium', 'suspicious')
),
counted as (
    select tenant, account_id, reason, country, min(signed_in_at) as first_at, max(signed_in_at) as last_at,
           count(*) as records, count(*) filter (mfa = 'single_factor') as single_factor,
           list_sort(list(distinct address) filter (address is not null))[:5] as addresses
    from doubtful
    where account_id is not null
    group by all
),
found as (
    select tenant, account_id, 'abroad' as reason, country, min(first_at) as first_at, max(last_at) as last_at,
           sum(records)::bigint as records, sum(single_factor)::bigint as single_factor,
           list_sort(list_distinct(flatten(list(addresses) filter (addresses is not null))))[:5] as addresses
    from sign_in_places
    where outcome = 'success' and abroad and coalesce(explained, 'nothing') = 'nothing' and account_id is not null
    group by all
    union all
    select tenant, account_id, 'first_country', country, first_at, last_at, records, null, addresses
    from first_places
    where not before and elsewhere >= $earlier and not abroad and records_since <= first_at - to_days($known_days::integer)
    union all
    select tenant, account_id, 'impossible_travel', to_country, min(arrived_at), max(arrived_at), count(*), null,
           list_sort(list(distinct to_address) filter (to_address is not null))[:5]
    from journeys
    where km >= $travel_km and (hours = 0 or kmh >= $travel_kmh) and not same_network and people < $travel_people
    group by all
    union all
    select tenant, account_id, 'provider_risk', country, min(coalesce(happened_at, detected_at)), max(coalesce(happened_at, detected_at)),
           count(*), null,
           list_sort(list(distinct address) filter (address is not null))[:5]
    from risk_events
    where state in ('at_risk', 'confirmed_compromised') and account_id is not null
    group by all
    union all
    select tenant, account_id, reason, country, first_at, last_at, records, single_factor, addresses from counted
)
select tenant, account_id, reason, country, first_at, last_at, records, single_factor, addresses
from found
order by all
