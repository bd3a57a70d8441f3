-- Everybody with a second factor is stopped after the password on the way in. Of each stop: did the same person, by the
-- same correlation id or from the same address, get in within some minutes? Where a success cannot be compared, or a
-- record does not say whose it is, that stays open.
-- Stops are few and sign-ins are many: time is cut into stretches of that many minutes, a stop stands in its own and the
-- two beside it, and the log streams past them.
with entries as not materialized (
    select coalesce(s.account_id, n.account_id, lower(s.username)) as who,
           coalesce(s.account_id, n.account_id) is null as unowned, s.signed_in_at, s.correlation_id, s.address,
           s.outcome = 'success' as entered, epoch(s.signed_in_at)::bigint // ($minutes::bigint * 60) as stretch
    from sign_ins s left join named n on n.username = case when s.account_id is null then lower(s.username) end
    where (s.outcome = 'success') is not false and s.signed_in_at >= $since - to_minutes($minutes::integer)
      and s.signed_in_at < $until + to_minutes($minutes::integer)
),
near as (
    select *, signed_in_at - to_minutes($minutes::integer) as earliest,
           signed_in_at + to_minutes($minutes::integer) as latest,
           epoch(signed_in_at)::bigint // ($minutes::bigint * 60) + unnest([-1, 0, 1]) as stretch
    from stops
),
own as (
    select o.sign_in_id,
           any_true(e.entered and (e.correlation_id = o.correlation_id or e.address = o.address)) as redeemed
    from entries e join near o on o.who = e.who and o.stretch = e.stretch
    where e.signed_in_at between o.earliest and o.latest
    group by o.sign_in_id
),
doubted as (
    select o.sign_in_id
    from entries e join near o on o.stretch = e.stretch
    where e.unowned and (e.who = o.who) is not true and e.signed_in_at between o.earliest and o.latest
      and (e.correlation_id = o.correlation_id or e.address = o.address) is not false
    union
    select o.sign_in_id
    from entries e join near o on o.stretch = e.stretch
    where o.unowned and (e.who = o.who) is not true and e.signed_in_at between o.earliest and o.latest
      and (e.correlation_id = o.correlation_id or e.address = o.address) is not false
)
select o.sign_in_id, case when w.redeemed then true
                          when d.sign_in_id is not null then null
                          when w.sign_in_id is not null then w.redeemed
                          else false end as redeemed
from stops o left join own w using (sign_in_id) left join doubted d using (sign_in_id)
