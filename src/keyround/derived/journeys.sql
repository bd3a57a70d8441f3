-- Two successive successful sign-ins of one account that lie far apart for the time between them.
-- What an app does on its own (noninteractive) comes from wherever its maker's servers stand, so it is no journey of the
-- person; the audit log's records are, for want of a better log: the rule calls what it finds a hint.
-- A place is the coordinates, else the country: a few circles that its people live in, of which the nearest points are
-- measured, so that the distance is the least it can be. A record that tells neither is passed over.
-- Only accounts that were in two places at all are put in order; on a hundred million rows this is what counts.
-- The end that is out of the ordinary is the one whose country the account was in on fewer days. It decides what a known
-- network or a crowd explains: that the office is known explains no sign-in from far away half an hour later.
with log as not materialized (
    select tenant, sign_in_id, account_id, signed_in_at, country, city, latitude, longitude, address, asn
    from sign_ins
    where account_id is not null and outcome = 'success' and (source = 'noninteractive') is not true
      and signed_in_at >= $since and signed_in_at < $until
    union all
    select s.tenant, s.sign_in_id, n.account_id, s.signed_in_at, s.country, s.city, s.latitude, s.longitude, s.address,
           s.asn
    from sign_ins s join named n on n.username = lower(s.username)
    where s.account_id is null and s.outcome = 'success' and (s.source = 'noninteractive') is not true
      and s.signed_in_at >= $since and s.signed_in_at < $until
),
moved as (
    select account_id
    from log
    group by account_id
    having min(country) <> max(country) or max(latitude) - min(latitude) > 1.2 or max(longitude) - min(longitude) > 1.2
        or (count(latitude) > 0 and count(latitude) < count(*))
),
placed as (
    select l.*
    from log l semi join moved m on m.account_id = l.account_id
    where l.country is not null or (l.latitude is not null and l.longitude is not null)
),
steps as (
    select tenant, account_id, lag(signed_in_at) over w as left_at, signed_in_at as arrived_at,
           lag(country) over w as from_country, country as to_country, lag(city) over w as from_place, city as to_place,
           lag(address) over w as from_address, address as to_address, lag(asn) over w as from_asn, asn as to_asn,
           lag(latitude) over w as from_latitude, latitude as to_latitude,
           lag(longitude) over w as from_longitude, longitude as to_longitude
    from placed
    window w as (partition by account_id order by signed_in_at, sign_in_id)
),
apart as (
    select *, row_number() over () as step, from_latitude is not null and from_longitude is not null as from_point,
           to_latitude is not null and to_longitude is not null as to_point
    from steps
    where left_at is not null
      and (from_country is distinct from to_country
           or abs(from_latitude - to_latitude) > 1.2 or abs(from_longitude - to_longitude) > 1.2)
      and arrived_at - left_at < to_hours(20100 // $kmh::integer)
),
circles as (
    select unnest($circle_country::varchar[]) as country, unnest($circle_latitude::double[]) as latitude,
           unnest($circle_longitude::double[]) as longitude, unnest($circle_radius::double[]) as radius
),
ends as (
    select step, 0 as side, from_latitude as latitude, from_longitude as longitude, 0.0 as radius
    from apart where from_point
    union all
    select step, 0, c.latitude, c.longitude, c.radius
    from apart a join circles c on c.country = a.from_country where not a.from_point
    union all
    select step, 1, to_latitude, to_longitude, 0.0 from apart where to_point
    union all
    select step, 1, c.latitude, c.longitude, c.radius
    from apart a join circles c on c.country = a.to_country where not a.to_point
),
-- R. W. Sinnott, "Virtues of the Haversine", Sky and Telescope 68 (1984); the mean radius of the earth is 6371.0 km.
measured as (
    select f.step,
           min(greatest(0, 2 * 6371.0 * asin(least(1, sqrt(
               sin(radians(t.latitude - f.latitude) / 2) ** 2
               + cos(radians(f.latitude)) * cos(radians(t.latitude)) * sin(radians(t.longitude - f.longitude) / 2) ** 2
           ))) - f.radius - t.radius)) as km
    from ends f join ends t on t.step = f.step and f.side = 0 and t.side = 1
    group by f.step
),
far as (
    select a.*, m.km, epoch(a.arrived_at - a.left_at) / 3600 as hours
    from apart a join measured m on m.step = a.step
    where m.km >= $km and m.km >= $kmh * epoch(a.arrived_at - a.left_at) / 3600
),
days as (
    select account_id, country, count(distinct signed_in_at::date) as days
    from placed semi join far on far.account_id = placed.account_id
    where country is not null
    group by all
),
crowds as (
    select address, count(distinct account_id) as people
    from log
    where address in (select from_address from far union all select to_address from far)
    group by address
),
networks as (
    select address from known_addresses
),
judged as (
    select f.*, d.days >= e.days as odd_end, e.days >= d.days as odd_start,
           b.address is not null or coalesce(list_contains($asns::bigint[], f.from_asn), false) as start_known,
           g.address is not null or coalesce(list_contains($asns::bigint[], f.to_asn), false) as end_known,
           c.people as start_people, h.people as end_people
    from far f
    left join days d on d.account_id = f.account_id and d.country = f.from_country
    left join days e on e.account_id = f.account_id and e.country = f.to_country
    left join networks b on b.address = f.from_address
    left join networks g on g.address = f.to_address
    left join crowds c on c.address = f.from_address
    left join crowds h on h.address = f.to_address
)
select tenant, account_id, left_at, arrived_at, from_country, to_country, from_place, to_place, from_address,
       to_address, round(km) as km, round(hours, 3) as hours, case when hours > 0 then round(km / hours) end as kmh,
       not (from_point and to_point) as by_country,
       case when from_address = to_address or from_asn = to_asn then true
            when from_country = to_country and (start_known or end_known) then true
            when odd_end is null and (start_known or end_known) then null
            when (odd_end and end_known) or (odd_start and start_known) then true
            when from_address is null or to_address is null then from_asn = to_asn
            else false end as same_network,
       case when from_country = to_country then greatest(start_people, end_people)
            when odd_end and odd_start then least(start_people, end_people)
            when odd_end then end_people
            when odd_start then start_people
       end as people
from judged
qualify row_number() over (
    partition by account_id, left_at, arrived_at, to_address order by km desc, from_country, to_country, from_address) = 1
order by all
