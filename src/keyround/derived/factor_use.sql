-- Second factors that people really got in with during the window; `password` where it is known that nothing stood
-- beside it. A failed challenge proves nothing and is not counted. Whose a record is follows sign_in_places.
with owned as (
    select s.tenant, coalesce(s.account_id, n.account_id) as account_id, s.signed_in_at,
           case when s.mfa = 'single_factor' then 'password' else s.method end as method
    from sign_ins s left join named n on s.account_id is null and n.username = lower(s.username)
    where s.signed_in_at >= $since and s.signed_in_at < $until
      and (s.outcome = 'success' or (s.mfa = 'satisfied' and s.method is not null))
)
select tenant, account_id, method,
       case when method <> 'password' then map_extract_value(map($words, $strengths), method) end as strength,
       count(*)::bigint as times, min(signed_in_at) as first_at, max(signed_in_at) as last_at
from owned
where account_id is not null and method is not null
group by all
order by all
