-- Where passwords were refused more often than people mistype their own: per account, address and hour.
-- Refused is what the provider calls so ($codes); anything else that fails says nothing about a password. Google also
-- notes a failed password of people whom it sends on to another sign-in service: that is nobody's.
-- The floor, lower than what the rules ask: four in an hour for one account, or three names on one day from one address;
-- then the hours and days beside it count too. Who had got in from an address before tries a password of his own there.
with passed_on as (
    select distinct account_id from sign_ins where client = 'saml' and outcome = 'success' and account_id is not null
),
refused as (
    select s.tenant, coalesce(s.account_id, n.account_id) as account_id, lower(s.username) as name, s.address,
           s.country, s.signed_in_at, s.outcome = 'failure' and list_contains($codes::varchar[], s.error_code) as wrong
    from sign_ins s left join named n on s.account_id is null and n.username = lower(s.username)
    where s.signed_in_at < $until
      and (s.outcome = 'failure' and list_contains($codes::varchar[], s.error_code)) is not false
      and not (s.client in ('google_password', '')
               and coalesce(s.account_id, n.account_id) in (select account_id from passed_on))
),
counted as (
    select tenant, account_id, case when account_id is null then name end as username, address, country, wrong,
           date_trunc('hour', signed_in_at) as hour, count(*) as tries, min(signed_in_at) as first_at,
           max(signed_in_at) as last_at, coalesce(account_id, name) as who
    from refused
    group by all
),
bursts as (
    select distinct who, unnest([hour - to_hours(1), hour, hour + to_hours(1)]) as hour
    from (select who, hour from counted group by who, hour having sum(tries) >= 4)
),
crowds as (
    select address, unnest([day - 1, day, day + 1]) as day, users
    from (select address, hour::date as day, count(distinct who) + count(*) filter (who is null) as users
          from counted group by all)
    where users >= 3
),
crowded as (
    select address, day, max(users) as users from crowds group by all
),
odd as (
    select c.*, d.users
    from counted c
    left join bursts b on b.who is not distinct from c.who and b.hour = c.hour
    left join crowded d on d.address is not distinct from c.address and d.day = c.hour::date
    where b.hour is not null or d.day is not null
),
begun as (
    select address, min(first_at) as first_at, count(distinct who) as tried from odd where address is not null group by address
),
entries as (
    select coalesce(s.account_id, n.account_id) as account_id, lower(s.username) as name, s.address, s.outcome = 'success' as entered,
           min(s.signed_in_at) as first_at, max(s.signed_in_at) as last_at
    from sign_ins s left join named n on s.account_id is null and n.username = lower(s.username)
    where (s.outcome = 'success') is not false and s.signed_in_at < $until and s.address in (select address from begun)
    group by all
),
busy as (
    select e.address, count(distinct coalesce(e.account_id, e.name)) filter (e.entered) as people,
           list_sort(list(distinct coalesce(a.username, e.name)) filter (
               e.entered and e.last_at >= b.first_at and coalesce(a.username, e.name) is not null))[:5] as entered
    from entries e join begun b on b.address = e.address left join accounts a on a.account_id = e.account_id
    group by e.address
),
own as (
    select o.address, o.who, min(e.first_at) filter (e.entered) as first_at, max(e.last_at) filter (e.entered) as last_at,
           max(e.last_at) filter (e.entered is null or coalesce(e.account_id, e.name) is null) as doubt_at
    from (select distinct address, who from odd) o
    join entries e on e.address = o.address
     and (coalesce(e.account_id, e.name) = o.who or coalesce(e.account_id, e.name) is null)
    group by all
)
select o.tenant, o.hour, o.tries, o.account_id, o.username, o.address, o.wrong, o.first_at, o.last_at, o.country,
       case when o.address is not null then k.address is not null end as known,
       case when w.last_at >= o.first_at then true when w.doubt_at >= o.first_at then null
            when o.address is not null then false end as followed,
       coalesce(o.users, 1)::bigint as users,
       case when o.address is not null then coalesce(b.entered, []::varchar[]) end as entered
from odd o
left join begun t on t.address = o.address
left join busy b on b.address = o.address
left join own w on w.address = o.address and w.who = o.who
left join known_addresses k on k.address = o.address
where (w.first_at < o.first_at) is not true and coalesce(b.people, 0) <= coalesce(t.tried, 1)
order by all
